# Paths on standard input, each ended by NUL, and each path's parents before it, once: a layer as an image builder makes it.
$/ = $\ = "\0";
while (<STDIN>) {
    chomp;
    my ($path, @parts) = split m{/};
    for (@parts) {
        $path .= "/$_";
        print $path unless $seen{$path}++;
    }
}
