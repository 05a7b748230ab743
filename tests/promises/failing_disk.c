/* Put before the C library of a daemon, it makes the disk under the database a broken one.
   While the folder FAILING_DISK holds a file "writes", nothing can be written to files of the database; while it holds
   a file "syncs", they can be written, but not synced. Both end with an input/output error. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(int fd, const char *what) {
    const char *folder = getenv("FAILING_DISK");
    char link[64], flag[PATH_MAX], path[PATH_MAX];
    if (folder == NULL) return 0;
    snprintf(flag, sizeof flag, "%s/%s", folder, what);
    if (access(flag, F_OK) != 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = '\0';
    if (strstr(path, "/parlor.db") == NULL) return 0;
    errno = EIO;
    return 1;
}

#define PUT_BEFORE(type, name, what, parameters, arguments)                      \
    type name parameters {                                                       \
        type(*real) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name);    \
        return fails(fd, what) ? -1 : real arguments;                            \
    }

PUT_BEFORE(ssize_t, write, "writes", (int fd, const void *bytes, size_t count), (fd, bytes, count))
PUT_BEFORE(ssize_t, pwrite, "writes", (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at))
PUT_BEFORE(ssize_t, pwrite64, "writes", (int fd, const void *bytes, size_t count, off64_t at), (fd, bytes, count, at))
PUT_BEFORE(int, ftruncate, "writes", (int fd, off_t length), (fd, length))
PUT_BEFORE(int, ftruncate64, "writes", (int fd, off64_t length), (fd, length))
PUT_BEFORE(int, fsync, "syncs", (int fd), (fd))
PUT_BEFORE(int, fdatasync, "syncs", (int fd), (fd))
