"""Asks a tree made by tree.py what it does, as several users: `probe.py FOLDER`. Prints one JSON object, from question to answer."""
import ctypes
import errno
import fcntl
import hashlib
import json
import mmap
import os
import socket
import stat
import subprocess
import sys

OWNER = 1000
FOLDER = os.fsencode(sys.argv[1])
GIB = 1 << 30
# name: uid, gid, further groups
USERS = {
    "root": (0, 0, []),
    "owner": (OWNER, OWNER, []),
    "group": (1001, OWNER, []),
    "further": (1002, 1002, [OWNER]),
    "other": (1003, 1003, []),
}
libc = ctypes.CDLL(None, use_errno=True)


class Dirent(ctypes.Structure):
    _fields_ = [
        ("ino", ctypes.c_uint64),
        ("off", ctypes.c_int64),
        ("reclen", ctypes.c_uint16),
        ("type", ctypes.c_uint8),
        ("name", ctypes.c_char * 256),
    ]


libc.opendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.POINTER(Dirent)
libc.telldir.restype = ctypes.c_long
for function in [libc.readdir, libc.telldir, libc.rewinddir, libc.closedir]:
    function.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]


class Open:
    """A descriptor for a `with`."""

    def __init__(self, path, flags=os.O_RDONLY, mode=0o666):
        self.fd = os.open(path, flags, mode)

    def __enter__(self):
        return self.fd

    def __exit__(self, *_):
        os.close(self.fd)


def digest(content):
    return f"{len(content)} bytes, {hashlib.sha1(content).hexdigest()}"


# What can be asked of one path. Each returns something that JSON can hold, or raises OSError.


def lstat(path):
    found = os.lstat(path)
    fields = {
        "mode": oct(found.st_mode),
        "owner": [found.st_uid, found.st_gid],
        "mtime": str(found.st_mtime_ns),
        "rdev": found.st_rdev,
        "nlink": found.st_nlink,
    }
    if not stat.S_ISDIR(found.st_mode):
        fields |= {"size": found.st_size, "blocks": found.st_blocks}
    return fields


def follow(path):
    return oct(os.stat(path).st_mode)


def access(path):
    modes = {"f": os.F_OK, "r": os.R_OK, "w": os.W_OK, "x": os.X_OK}
    return {name: failure(lambda: check(libc.access(path, mode))) for name, mode in modes.items()}


def read(path):
    with Open(path) as fd:
        return digest(b"".join(iter(lambda: os.read(fd, 1 << 20), b"")))


def open_as(flags):
    def ask(path):
        with Open(path, flags) as fd:
            return oct(os.fstat(fd).st_mode)

    return ask


def read_folder_as_file(path):
    with Open(path) as fd:
        return len(os.read(fd, 10))


def pread(offset, length):
    def ask(path):
        with Open(path) as fd:
            return digest(os.pread(fd, length, offset))

    return ask


def readv(path):
    with Open(path) as fd:
        parts = [bytearray(5), bytearray(0), bytearray(5000)]
        return [os.preadv(fd, parts, 3), digest(b"".join(parts))]


def seek(whence, offset):
    def ask(path):
        with Open(path) as fd:
            return os.lseek(fd, offset, whence)

    return ask


def mapped(flags, prot):
    def ask(path):
        with Open(path) as fd, mmap.mmap(fd, 0, flags=flags, prot=prot) as pages:
            if prot & mmap.PROT_WRITE:
                pages[0:2] = b"!!"  # private: seen here only
            return digest(pages[:])

    return ask


def map_window(path):
    with Open(path) as fd, mmap.mmap(fd, 8192, flags=mmap.MAP_SHARED, prot=mmap.PROT_READ, offset=4 * GIB - 4096) as pages:
        return digest(pages[:])


def sendfile(path):
    reader, writer = os.pipe()
    with Open(path) as fd:
        sent = os.sendfile(writer, fd, 2, 4000)
    os.close(writer)
    return [sent, digest(os.read(reader, 5000))]


def locks(path):
    with Open(path) as fd, Open(path) as second:
        fcntl.flock(fd, fcntl.LOCK_SH)
        fcntl.flock(second, fcntl.LOCK_SH | fcntl.LOCK_NB)
        fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return failure(lambda: fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB))


def sync(path):
    with Open(path) as fd:
        os.fsync(fd)


def write_to_reader(path):
    with Open(path) as fd:
        return os.write(fd, b"x")


def same_inode(other):
    return lambda path: os.lstat(path).st_ino == os.lstat(other).st_ino


def readlink(path):
    return digest(os.readlink(path))


def short_readlink(path):
    room = ctypes.create_string_buffer(3)
    return [check(libc.readlink(path, room, 3)), room.raw.decode("latin1")]


class Listing:
    """opendir and what follows; Python's own hides the dots, and where it is."""

    def __init__(self, path):
        self.stream = libc.opendir(path)
        if not self.stream:
            check(-1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        libc.closedir(self.stream)

    def next(self):
        entry = libc.readdir(self.stream)
        return (entry.contents.name, entry.contents.type, entry.contents.ino) if entry else None

    def rest(self):
        return list(iter(self.next, None))

    def tell(self):
        return libc.telldir(self.stream)

    def seek(self, place):
        libc.seekdir(self.stream, place)

    def rewind(self):
        libc.rewinddir(self.stream)


def listing(path):
    with Listing(path) as folder:
        return sorted([name.decode("latin1"), kind] for name, kind, _ in folder.rest())


def inodes_of_listing(path):
    with Listing(path) as folder:
        entries = [(name, ino) for name, _, ino in folder.rest() if name not in (b".", b"..")]
    return all(os.lstat(path + b"/" + name).st_ino == ino for name, ino in entries)


def moves_in_listing(path):
    with Listing(path) as folder, Listing(path) as second:
        head = [folder.next() for _ in range(1700)]
        place = folder.tell()
        other = [second.next() for _ in range(40)]
        tail = folder.rest()
        folder.seek(place)
        again = folder.rest()
        folder.rewind()
        whole = folder.rest()
        return {
            "entries": len(whole),
            "different": len({name for name, _, _ in whole}),
            "after seekdir": again == tail,
            "after rewinddir": whole == head + tail,
            "beside": other + second.rest() == whole,
            "past the end": folder.next(),
        }


def listing_stays_open(path):
    reader = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        first = sorted(os.listdir(reader))
        inside = os.open(first[0], os.O_RDONLY, dir_fd=reader)
        os.close(inside)
        return sorted(os.listdir(reader)) == first
    finally:
        os.close(reader)


def getxattr(name, follow_symlinks=True):
    return lambda path: digest(os.getxattr(path, name, follow_symlinks=follow_symlinks))


def xattr_sizes(path):
    room = ctypes.create_string_buffer(3)
    exact = ctypes.create_string_buffer(5)
    listed = libc.listxattr(path, None, 0)
    return {
        "size": failure(lambda: check(libc.getxattr(path, b"user.short", None, 0))),
        "too small": failure(lambda: check(libc.getxattr(path, b"user.short", room, 3))),
        "exact": failure(lambda: check(libc.getxattr(path, b"user.short", exact, 5))),
        "list": listed,
        "list too small": failure(lambda: check(libc.listxattr(path, room, 3))),
    }


def listxattr(path):
    return sorted(os.listxattr(path, follow_symlinks=False))


def statfs(path):
    found = os.statvfs(path)
    switches = {"ro": os.ST_RDONLY, "nosuid": os.ST_NOSUID, "nodev": os.ST_NODEV, "noexec": os.ST_NOEXEC}
    flags = [name for name, bit in switches.items() if found.f_flag & bit]
    return {"namemax": found.f_namemax, "flags": flags, "bsize": found.f_bsize > 0, "frsize": found.f_frsize > 0}


def execute(*args):
    def ask(path):
        return subprocess.run([path, *args], capture_output=True, text=True).stdout

    return ask


def through_fifo(path):
    with Open(path, os.O_RDONLY | os.O_NONBLOCK) as reader, Open(path, os.O_WRONLY | os.O_NONBLOCK) as writer:
        os.write(writer, b"through")
        return os.read(reader, 100).decode()


def fifo_without_reader(path):
    with Open(path, os.O_WRONLY | os.O_NONBLOCK):
        return "open"


def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)


def write_device(path):
    with Open(path, os.O_RDWR) as fd:
        return [os.write(fd, b"1234"), os.read(fd, 4).hex()]


def check(status):
    if status < 0:
        raise OSError(ctypes.get_errno(), "")
    return status


def failure(ask):
    """The answer, or the error's name."""
    try:
        return ask()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))


WRITES = {
    "open for write": lambda path: open_as(os.O_WRONLY)(path),
    "open for both": lambda path: open_as(os.O_RDWR)(path),
    "truncate at open": lambda path: open_as(os.O_RDONLY | os.O_TRUNC)(path),
    "append": lambda path: open_as(os.O_WRONLY | os.O_APPEND)(path),
    "create": lambda path: open_as(os.O_RDONLY | os.O_CREAT)(path),
    "create exclusively": lambda path: open_as(os.O_RDONLY | os.O_CREAT | os.O_EXCL)(path),
    "create and write": lambda path: open_as(os.O_WRONLY | os.O_CREAT | os.O_TRUNC)(path),
    "unlink": os.unlink,
    "rmdir": os.rmdir,
    "mkdir": os.mkdir,
    "mkfifo": os.mkfifo,
    "mknod": lambda path: os.mknod(path, 0o100644),
    "mknod device": lambda path: os.mknod(path, 0o020644, os.makedev(1, 3)),
    "rename": lambda path: os.rename(path, b"moved"),
    "rename over": lambda path: os.rename(b"plain", path),
    "link from": lambda path: os.link(path, b"moved"),
    "link to": lambda path: os.link(b"plain", path),
    "symlink": lambda path: os.symlink(b"target", path),
    "chmod": lambda path: os.chmod(path, 0o600),
    "chown": lambda path: os.lchown(path, 1, 1),
    "truncate": lambda path: os.truncate(path, 1),
    "utimes": lambda path: os.utime(path),
    "setxattr": lambda path: os.setxattr(path, "user.new", b"x"),
    "removexattr": lambda path: os.removexattr(path, "user.short"),
}
OPENS = {
    "read": os.O_RDONLY,
    "no follow": os.O_RDONLY | os.O_NOFOLLOW,
    "folder only": os.O_RDONLY | os.O_DIRECTORY,
    "path only": os.O_PATH,
    "path, no follow": os.O_PATH | os.O_NOFOLLOW,
    "without atime": os.O_RDONLY | os.O_NOATIME,
    "directly": os.O_RDONLY | os.O_DIRECT,
}
EVERYWHERE = ["plain", "folder", "missing", "missing/x", "plain/x", "plain/", "folder/", "folder/.", "folder/..", "folder/../plain"]
# Linux follows 40 links. One at the very limit is refused now and then: a walk that is begun anew, as one over a busy mount may be, counts some twice.
LINKS = [*(f"links/{index}" for index in [0, 1, 30, 40]), "links/self", "links/ping", "links/dangling", "links/folder"]
LINKS += ["links/folder/", "links/folder/file", "links/0/", "links/0/x", "links/self/x"]
LONG = ["n" * 256, "names/" + "n" * 256, "folder/" + "n" * 1100, "missing/" + "n" * 256, "./" * 2050, "x" * 4096, "deep/" * 300]
CONTENT = ["empty", "pages", "odd", "sparse", "linked", "linked-too", "old", "exact"]
SPECIAL = ["null", "zero", "nobody", "block", "fifo", "socket"]


def every(folder):
    return [folder + b"/" + name for name in sorted(os.listdir(folder))]


def questions():
    """(operation, paths, function); paths are relative to the tree, which is the working directory."""
    content = [f"content/{name}" for name in CONTENT]
    special = [f"special/{name}" for name in SPECIAL]
    modes = every(b"modes")
    inside = [path + b"/inside" for path in modes if b"/dir-" in path]
    inside += [path + b"/missing" for path in modes if b"/dir-" in path]
    names = every(b"names")
    yield "lstat", [".", *EVERYWHERE, *LINKS, *LONG, *content, "content/above-4g", *special, *names, *modes, *inside], lstat
    yield "lstat", every(b"links"), lstat
    yield "stat", [*EVERYWHERE, *LINKS, *LONG, *names, *inside], follow
    yield "access", [*EVERYWHERE, *LINKS, *LONG, *special, *modes, *inside], access
    yield "read", [*EVERYWHERE, *LINKS, *content, *names, *inside], read
    yield "read", [path for path in modes if b"/file-" in path], read
    yield "listing", [".", *EVERYWHERE, *LINKS, "special", "names", "content", "links", *[path for path in modes if b"/dir-" in path]], listing
    for name, flags in OPENS.items():
        yield f"open: {name}", ["plain", "folder", "missing", "links/0", "links/folder", "links/dangling", "special/socket", *modes], open_as(flags)
    yield "read of a folder", ["folder", "plain"], read_folder_as_file
    yield "readlink", [*every(b"links"), "names/link \udcfe", "plain", "folder", "missing"], readlink
    yield "readlink, cut", ["links/0", "links/long"], short_readlink
    for offset, length in [(0, 0), (0, 10), (1 << 40, 10), (5, 0), (4090, 12), (262_143, 10), (1_048_570, 20), (1 << 21, 1 << 21)]:
        yield f"pread {length} at {offset}", content, pread(offset, length)
    for offset in [0, 4 * GIB - 10, 4 * GIB, 5 * GIB - 3, 5 * GIB + 7, 1 << 33]:
        yield f"pread 5000 at {offset}", ["content/above-4g"], pread(offset, 5000)
    yield "pread at -1", ["plain"], pread(-1, 5)
    yield "preadv", ["plain", "content/pages", "content/empty"], readv
    for offset in [0, 10, 100_000, (1 << 20) + 5, 1 << 21, 3 << 20]:
        yield f"lseek data {offset}", ["plain", "content/sparse", "content/pages"], seek(os.SEEK_DATA, offset)
        yield f"lseek hole {offset}", ["plain", "content/sparse", "content/pages"], seek(os.SEEK_HOLE, offset)
    yield "lseek end", [*content, "content/above-4g"], seek(os.SEEK_END, 0)
    for name, flags in {"private": mmap.MAP_PRIVATE, "shared": mmap.MAP_SHARED}.items():
        yield f"mmap {name}", ["plain", "content/odd", "content/sparse"], mapped(flags, mmap.PROT_READ)
        yield f"mmap {name}, writable", ["plain"], mapped(flags, mmap.PROT_READ | mmap.PROT_WRITE)
    yield "mmap above 4 GiB", ["content/above-4g"], map_window
    yield "sendfile", ["content/pages", "plain"], sendfile
    yield "locks", ["plain"], locks
    yield "fsync", ["plain", "folder"], sync
    yield "write to a reader", ["plain"], write_to_reader
    yield "one inode", ["content/linked", "content/linked-too", "content/old"], same_inode("content/linked")
    yield "inodes of a listing", ["content", "names", "links", "special"], inodes_of_listing
    yield "moves in a listing", ["many"], moves_in_listing
    yield "listing stays open", ["many", "folder"], listing_stays_open
    for name in ["user.short", "user.empty", "user.long", "trusted.note", "security.capability", "user.none", "odd", "user.folder"]:
        yield f"getxattr {name}", ["attributes/some", "attributes/none", "attributes", "missing"], getxattr(name)
    yield "lgetxattr trusted.link", ["links/0"], getxattr("trusted.link", False)
    yield "getxattr user.name", [names[0], "names/not utf-8 \udcff\udce9"], getxattr("user.name")
    yield "getxattr system.posix_acl_access", ["attributes/none"], getxattr("system.posix_acl_access")
    yield "xattr sizes", ["attributes/some", "attributes/none"], xattr_sizes
    yield "listxattr", ["attributes/some", "attributes/none", "attributes", "links/0", "missing"], listxattr
    yield "statfs", [".", "plain", "missing"], statfs
    for folder in ["plain", "setuid", "setgid", "private"]:
        for flag in ["-u", "-g", "-ru"]:
            yield f"run id {flag}", [f"programs/{folder}/id"], execute(flag)
    yield "run", ["programs/script", "programs/no-interpreter", "programs/empty", "programs/text", "folder", "missing"], execute("once")
    yield "fifo", ["special/fifo"], through_fifo
    yield "fifo without reader", ["special/fifo"], fifo_without_reader
    yield "connect", ["special/socket", "plain"], connect
    yield "device", ["special/null", "special/zero", "special/nobody", "special/block"], write_device
    for name, ask in WRITES.items():
        yield name, ["plain", "folder", "missing", "missing/x", "plain/x", "links/0", "links/dangling", "attributes/some", "n" * 256], ask


def shown(path):
    return path.decode("latin1") if len(path) < 60 else f"{path[:20].decode()}… ({len(path)} bytes)"


def answers():
    """From `operation path` to the answer; of an answer in several fields, from `operation.field path` to each."""
    found = {}
    for operation, paths, ask in questions():
        for path in map(os.fsencode, paths):
            answer = failure(lambda: ask(path))
            fields = answer if isinstance(answer, dict) else {"": answer}
            for field, value in fields.items():
                found[f"{operation}{field and '.'}{field} {shown(path)}"] = value
    return found


def answers_as(uid, gid, groups):
    """In a child of its own, since nobody gets his rights back."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups(groups)
        os.setgid(gid)
        os.setuid(uid)
        with os.fdopen(writer, "w") as output:
            json.dump(answers(), output)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as source:
        found = json.load(source)
    os.waitpid(child, 0)
    return found


os.chdir(FOLDER)
json.dump({f"{name}: {key}": value for name, user in USERS.items() for key, value in answers_as(*user).items()}, sys.stdout)
