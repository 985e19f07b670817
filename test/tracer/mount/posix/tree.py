"""Makes the tree that the checks walk: `tree.py FOLDER`. One of everything that a layer may hold, and the borders of each."""
import os
import shutil
import socket
import sys

OWNER = 1000
FILE_MODES = [0o000, 0o400, 0o040, 0o004, 0o200, 0o100, 0o644, 0o640, 0o604, 0o755, 0o4755, 0o2755, 0o6711]
FOLDER_MODES = [0o000, 0o400, 0o100, 0o500, 0o700, 0o070, 0o007, 0o711, 0o755, 0o1777, 0o2750]
ENTRIES = 5000
LINKS_MAX = 40
GIB = 1 << 30
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw+ep


def write(path, content=b"", mode=0o644, owner=0):
    with open(path, "wb") as file:
        file.write(content)
    os.chown(path, owner, owner)
    os.chmod(path, mode)


def sparse(path, size, pieces):
    with open(path, "wb") as file:
        file.truncate(size)
        for at, content in pieces:
            file.seek(at)
            file.write(content)


def permissions():
    os.mkdir("modes")
    for mode in FILE_MODES:
        write(f"modes/file-{mode:04o}", b"content", mode, OWNER)
    for mode in FOLDER_MODES:
        folder = f"modes/dir-{mode:04o}"
        os.mkdir(folder)
        write(f"{folder}/inside", b"content")
        os.chown(folder, OWNER, OWNER)
        os.chmod(folder, mode)


def links():
    os.mkdir("links")
    os.symlink("../plain", "links/0")
    for index in range(1, LINKS_MAX + 1):
        os.symlink(str(index - 1), f"links/{index}")
    os.symlink("self", "links/self")
    os.symlink("pong", "links/ping")
    os.symlink("ping", "links/pong")
    os.symlink("nothing", "links/dangling")
    os.symlink("../folder", "links/folder")
    os.symlink("x" * 4095, "links/long")
    os.symlink(b"\xff" * 3000, "links/long bytes")
    os.symlink("/", "links/root")
    os.symlink("\udcff\udcfe é", "links/bytes")
    os.lchown("links/0", OWNER, 4_000_000_000)


def names():
    os.mkdir("names")
    for name in [b"n" * 255, b"not utf-8 \xff\xe9", "日本".encode(), b"line\nfeed", b" ", b"\\", b"*", b"-rf", b"\x01"]:
        write(b"names/" + name, name)
    os.symlink(b"not utf-8 \xff\xe9", b"names/link \xfe")


def content():
    os.mkdir("content")
    write("content/empty")
    write("content/pages", bytes(range(256)) * 1024)  # 256 KiB
    write("content/odd", bytes(range(251)) * 13_001)  # 3.1 MiB, ends within a page
    sparse("content/sparse", 3 << 20, [(0, b"begin"), (1 << 20, b"middle")])
    sparse("content/above-4g", 5 * GIB + 7, [(0, b"begin"), (4 * GIB - 2, b"edge"), (5 * GIB, b"the end")])
    write("content/linked", b"linked")
    os.link("content/linked", "content/linked-too")
    write("content/old", b"old")
    os.utime("content/old", ns=(0, 1))
    write("content/exact", b"exact")
    os.utime("content/exact", ns=(0, 1_712_345_678_123_456_789))


def special():
    os.mkdir("special")
    os.mknod("special/null", 0o020666, os.makedev(1, 3))
    os.mknod("special/zero", 0o020644, os.makedev(1, 5))
    os.mknod("special/nobody", 0o020600, os.makedev(300, 70000))
    os.mknod("special/block", 0o060640, os.makedev(259, 1_000_000))
    os.chmod("special/null", 0o666)
    os.mkfifo("special/fifo")
    os.chmod("special/fifo", 0o666)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("special/socket")


def programs():
    os.mkdir("programs")
    for folder, mode in [("plain", 0o755), ("setuid", 0o4755), ("setgid", 0o2755), ("private", 0o700)]:
        os.mkdir(f"programs/{folder}")
        shutil.copyfile(shutil.which("id"), f"programs/{folder}/id")
        os.chmod(f"programs/{folder}/id", mode)
    write("programs/script", b"#!/bin/sh\necho ran $1\n", 0o755)
    write("programs/no-interpreter", b"#!/missing\n", 0o755)
    write("programs/empty", b"", 0o755)
    write("programs/text", b"text", 0o644)


def attributes():
    os.mkdir("attributes")
    for name in ["some", "none"]:
        write(f"attributes/{name}", b"", 0o644, OWNER)
    os.setxattr("attributes/some", "user.short", b"value")
    os.setxattr("attributes/some", "user.empty", b"")
    os.setxattr("attributes/some", "user.long", bytes(range(256)) * 8)
    os.setxattr("attributes/some", "trusted.note", b"for root")
    os.setxattr("attributes/some", "security.capability", CAPABILITY)
    os.setxattr("attributes", "user.folder", b"folder")
    os.setxattr("links/0", "trusted.link", b"link", follow_symlinks=False)
    os.setxattr(b"names/not utf-8 \xff\xe9", "user.name", b"found")


def main(folder):
    os.umask(0o022)
    os.chdir(folder)
    write("plain", b"hello world\n")
    os.mkdir("folder")
    write("folder/file", b"in a folder")
    for make in [permissions, links, names, content, special, programs, attributes]:
        make()
    os.mkdir("many")
    for index in range(ENTRIES):
        os.close(os.open(f"many/{index}", os.O_CREAT))
    os.makedirs("/".join(["deep"] * 300))
    os.chmod(".", 0o755)


main(sys.argv[1])
