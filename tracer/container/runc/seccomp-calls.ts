/**
 * Which system calls Docker lets a container make: always, on one architecture, or with a capability. Data only.
 *
 * Source: the default profile of Docker 29 (Linux 6.13, libseccomp 2.6), in groups of our own. runc skips names that the machine's
 * libseccomp doesn't know.
 */

const words = (text: string): string[] => text.trim().split(/\s+/)

/** For any program on any machine. Names with 32, 64 or time64 are those of 32-bit programs, which run beside 64-bit ones. */
export const ALWAYS: readonly string[] = [
  // files by name
  `access chdir chmod chown chown32 creat faccessat faccessat2 fchmodat fchmodat2 fchownat fstatat64 futimesat getcwd lchown lchown32 link
  linkat lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 readlink readlinkat rename renameat
  renameat2 rmdir stat stat64 statx symlink symlinkat truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes`,
  // extended attributes
  `fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr lremovexattr lsetxattr
  removexattr removexattrat setxattr setxattrat`,
  // open files
  `close close_range copy_file_range dup dup2 dup3 fadvise64 fadvise64_64 fallocate fchdir fchmod fchown fchown32 fcntl fcntl64 fdatasync
  flock fstat fstat64 fsync ftruncate ftruncate64 getdents getdents64 ioctl _llseek lseek pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev
  pwritev2 read readahead readv sendfile sendfile64 splice sync_file_range tee vmsplice write writev`,
  // file systems
  'fstatfs fstatfs64 listmount statfs statfs64 statmount sync syncfs',
  // waiting for events
  `epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 fanotify_mark
  inotify_add_watch inotify_init inotify_init1 inotify_rm_watch _newselect poll ppoll ppoll_time64 pselect6 pselect6_time64 select`,
  // asynchronous I/O; not io_uring, which would go round this filter
  `io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit`,
  // memory
  `brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal
  msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages`,
  // processes and threads
  `execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list get_thread_area
  getcpu getpgid getpgrp getpid getppid getsid gettid ioprio_get ioprio_set pidfd_open pidfd_send_signal prctl process_mrelease
  restart_syscall riscv_hwprobe rseq set_robust_list set_thread_area set_tid_address setpgid setsid uretprobe vfork wait4 waitid waitpid`,
  // scheduling and limits
  `getpriority getrlimit getrusage prlimit64 sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
  sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler
  sched_yield setpriority setrlimit sysinfo times ugetrlimit uname`,
  // signals
  `kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
  rt_tgsigqueueinfo sigaltstack signalfd signalfd4 sigprocmask sigreturn tgkill tkill`,
  // time
  `adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 clock_nanosleep
  clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete timer_getoverrun timer_gettime
  timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64`,
  // who one is, and what one may
  `capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32 getresuid getresuid32 getuid
  getuid32 landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32
  setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32`,
  // sockets; `socket` itself by its family
  `accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg
  sendto setsockopt shutdown socketcall socketpair`,
  // messages, semaphores and shared memory
  `ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv
  msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget`,
  'getrandom',
  // harmless from Linux 4.8 on, and Node needs a later one
  'process_vm_readv process_vm_writev ptrace',
].flatMap(words)

/** By Node's name for the architecture: the filter's names for it and for those whose programs it runs too; calls of its own. */
export const ARCHITECTURES: Readonly<
  Record<string, { readonly filters: readonly string[]; readonly calls: readonly string[] }>
> = {
  x64: { filters: ['X86_64', 'X86', 'X32'], calls: ['arch_prctl', 'modify_ldt'] },
  arm64: {
    filters: ['AARCH64', 'ARM'],
    calls: words('arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls'),
  },
  ppc64: { filters: ['PPC64LE'], calls: ['sync_file_range2', 'swapcontext'] },
  s390x: {
    filters: ['S390X', 'S390'],
    calls: ['s390_pci_mmio_read', 's390_pci_mmio_write', 's390_runtime_instr'],
  },
  riscv64: { filters: ['RISCV64'], calls: ['riscv_flush_icache'] },
  loong64: { filters: ['LOONGARCH64'], calls: [] },
}

export const BY_CAPABILITY: Readonly<Record<string, readonly string[]>> = {
  CAP_BPF: ['bpf'],
  CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
  CAP_PERFMON: ['perf_event_open'],
  CAP_SYS_ADMIN: words(
    `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr mount
    mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare`,
  ),
  CAP_SYS_BOOT: ['reboot'],
  CAP_SYS_CHROOT: ['chroot'],
  CAP_SYS_MODULE: ['delete_module', 'finit_module', 'init_module'],
  CAP_SYS_NICE: ['get_mempolicy', 'mbind', 'set_mempolicy', 'set_mempolicy_home_node'],
  CAP_SYS_PACCT: ['acct'],
  CAP_SYS_PTRACE: ['kcmp', 'pidfd_getfd', 'process_madvise'],
  CAP_SYS_RAWIO: ['ioperm', 'iopl'],
  CAP_SYS_TIME: ['clock_settime', 'clock_settime64', 'settimeofday', 'stime'],
  CAP_SYS_TTY_CONFIG: ['vhangup'],
  CAP_SYSLOG: ['syslog'],
}
