// A library that is loaded into redis-server (LD_PRELOAD). Rows of the fault matrix use it to simulate a power cut,
// or to set the clock of Redis.
//
// HOLDFAST_SYNCED=folder: before each fsync or fdatasync, the length of the file is noted. After the sync, this
// length is written to folder/<inode>. To simulate a power cut, Redis is killed, and every file is cut to that
// length.
// HOLDFAST_CLOCK=file: the number of milliseconds in this file is added to the time of day. The monotonic clock does
// not change.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static void note(int fd, const struct stat *before) {
  const char *folder = getenv("HOLDFAST_SYNCED");
  char path[4096], text[32];
  if (!folder || !S_ISREG(before->st_mode)) return;
  snprintf(path, sizeof path, "%s/%lu", folder, (unsigned long)before->st_ino);
  int length = snprintf(text, sizeof text, "%-20lld", (long long)before->st_size);
  int out = open(path, O_WRONLY | O_CREAT, 0644);
  if (out < 0) return;
  if (pwrite(out, text, length, 0) != length) unlink(path);
  close(out);
  (void)fd;
}

#define SYNCING(name)                                              \
  int name(int fd) {                                               \
    static int (*real)(int);                                       \
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, #name);       \
    struct stat before;                                            \
    int known = fstat(fd, &before) == 0;                           \
    int result = real(fd);                                         \
    if (result == 0 && known) note(fd, &before);                   \
    return result;                                                 \
  }
SYNCING(fsync)
SYNCING(fdatasync)

static long long offset_ms(void) {
  static int fd = -2;
  if (fd == -2) {
    const char *path = getenv("HOLDFAST_CLOCK");
    fd = path ? open(path, O_RDONLY) : -1;
  }
  char text[32] = {0};
  if (fd < 0 || pread(fd, text, sizeof text - 1, 0) <= 0) return 0;
  return atoll(text);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, at);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    long long ns = at->tv_nsec + (offset_ms() % 1000) * 1000000LL;
    at->tv_sec += offset_ms() / 1000 + (ns < 0 ? -1 : ns / 1000000000LL);
    at->tv_nsec = ns < 0 ? ns + 1000000000LL : ns % 1000000000LL;
  }
  return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
  struct timespec now;
  (void)zone;
  int result = clock_gettime(CLOCK_REALTIME, &now);
  at->tv_sec = now.tv_sec;
  at->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
