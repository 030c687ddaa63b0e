/* Stands between a process and the C library (LD_PRELOAD), and lets a call on a file fail.

   Calls on files below a folder are counted: open for writing, write, fsync, ftruncate, rename and mkdir. The
   call with the number that fault_arm is given fails, in one of these ways:

     short   a write takes half of its bytes, and says so; other calls are as always
     once    the call fails
     stays   the call and all that follow fail
     freed   a write takes half of its bytes, and the next write fails: then there is room again
     full    a write takes half of its bytes; what needs room fails from then on, as on a full disk
     torn    a write takes half of its bytes; all calls fail from then on, as on a disk that broke */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static char folder[4096], how[16];
static long count, failing;
static int refused;
static int code;

void fault_arm(const char *below, const char *way, long number, int error) {
    snprintf(folder, sizeof folder, "%s", below);
    snprintf(how, sizeof how, "%s", way);
    count = 0, failing = number, refused = 0, code = error;
}

long fault_count(void) { return count; }

static int below(const char *path) {
    size_t n = strlen(folder);
    return n && !strncmp(path, folder, n) && (path[n] == '/' || path[n] == 0);
}

static int is(const char *way) { return !strcmp(how, way); }

/* Returns whether a call has to fail, or with half set, whether it is a write that takes half of its bytes. */
static int fails(int counted, int takes_room, int *half) {
    if (!counted) return 0;
    count++;
    if (!failing || count < failing) return 0;
    if (count == failing && half && !is("once") && !is("stays")) return *half = 1, 0;
    if (is("freed") && (!half || refused++)) return 0;
    if (is("short") || (is("once") && count > failing) || (is("full") && !takes_room)) return 0;
    errno = code;
    return 1;
}

static int is_ours(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return below(path);
}

ssize_t write(int descriptor, const void *bytes, size_t n) {
    int half = 0;
    if (fails(is_ours(descriptor), 1, &half)) return -1;
    return REAL(write)(descriptor, bytes, half && n > 1 ? n / 2 : n);
}

int fsync(int descriptor) { return fails(is_ours(descriptor), 0, NULL) ? -1 : REAL(fsync)(descriptor); }

int ftruncate(int descriptor, off_t size) {
    return fails(is_ours(descriptor), 0, NULL) ? -1 : REAL(ftruncate)(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
    return fails(is_ours(descriptor), 0, NULL) ? -1 : REAL(ftruncate64)(descriptor, size);
}

int rename(const char *from, const char *to) {
    return fails(below(to), 0, NULL) ? -1 : REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode) { return fails(below(path), 1, NULL) ? -1 : REAL(mkdir)(path, mode); }

static int opened(const char *name, const char *path, int flags, mode_t mode) {
    if (fails((flags & (O_WRONLY | O_RDWR)) && below(path), 1, NULL)) return -1;
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name))(path, flags, mode);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return opened("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return opened("open64", path, flags, mode);
}
