/* SPDX-License-Identifier: Dual MIT/GPL */
/* System call numbers of amd64: arch/x86/entry/syscalls/syscall_64.tbl. */
#pragma once

#define SYSCALLS_ON_DESCRIPTORS \
	case 0: /* read */ \
	case 1: /* write */ \
	case 19: /* readv */ \
	case 20: /* writev */ \
	case 3: /* close */ \
	case 72: /* fcntl */ \
	case 5: /* fstat */ \
	case 8: /* lseek */ \
	case 327: /* preadv2 */ \
	case 328: /* pwritev2 */ \
	case 91: /* fchmod */ \
	case 93: /* fchown */ \
	case 138: /* fstatfs */ \
	case 40: /* sendfile */ \
	case 275: /* splice */

#define SYSCALLS_ON_FILES \
	case 2: /* open */ \
	case 257: /* openat */ \
	case 437: /* openat2 */ \
	case 17: /* pread64 */ \
	case 18: /* pwrite64 */ \
	case 295: /* preadv */ \
	case 296: /* pwritev */ \
	case 73: /* flock */ \
	case 74: /* fsync */ \
	case 75: /* fdatasync */ \
	case 277: /* sync_file_range */ \
	case 306: /* syncfs */ \
	case 76: /* truncate */ \
	case 77: /* ftruncate */ \
	case 285: /* fallocate */ \
	case 82: /* rename */ \
	case 264: /* renameat */ \
	case 316: /* renameat2 */ \
	case 83: /* mkdir */ \
	case 258: /* mkdirat */ \
	case 84: /* rmdir */ \
	case 87: /* unlink */ \
	case 263: /* unlinkat */ \
	case 4: /* stat */ \
	case 6: /* lstat */ \
	case 262: /* newfstatat */ \
	case 332: /* statx */ \
	case 21: /* access */ \
	case 269: /* faccessat */ \
	case 439: /* faccessat2 */ \
	case 85: /* creat */ \
	case 89: /* readlink */ \
	case 86: /* link */ \
	case 88: /* symlink */ \
	case 90: /* chmod */ \
	case 92: /* chown */ \
	case 94: /* lchown */ \
	case 267: /* readlinkat */ \
	case 265: /* linkat */ \
	case 266: /* symlinkat */ \
	case 268: /* fchmodat */ \
	case 452: /* fchmodat2 */ \
	case 260: /* fchownat */ \
	case 280: /* utimensat */ \
	case 137: /* statfs */ \
	case 217: /* getdents64 */ \
	case 326: /* copy_file_range */

#define SYSCALLS_ON_SOCKETS \
	case 41: /* socket */ \
	case 42: /* connect */ \
	case 43: /* accept */ \
	case 288: /* accept4 */ \
	case 44: /* sendto */ \
	case 45: /* recvfrom */ \
	case 46: /* sendmsg */ \
	case 47: /* recvmsg */ \
	case 307: /* sendmmsg */ \
	case 299: /* recvmmsg */ \
	case 48: /* shutdown */ \
	case 49: /* bind */ \
	case 50: /* listen */ \
	case 51: /* getsockname */ \
	case 52: /* getpeername */ \
	case 54: /* setsockopt */ \
	case 55: /* getsockopt */

#define SYSCALLS_THAT_OPEN \
	case 2: /* open */ \
	case 85: /* creat */ \
	case 257: /* openat */ \
	case 437: /* openat2 */

#define SYSCALLS_THAT_SYNC \
	case 74: /* fsync */ \
	case 75: /* fdatasync */

#define SYSCALLS_THAT_READ \
	case 0: /* read */ \
	case 19: /* readv */ \
	case 17: /* pread64 */ \
	case 295: /* preadv */ \
	case 327: /* preadv2 */

#define SYSCALLS_THAT_WRITE \
	case 1: /* write */ \
	case 20: /* writev */ \
	case 18: /* pwrite64 */ \
	case 296: /* pwritev */ \
	case 328: /* pwritev2 */ \
	case 326: /* copy_file_range */

/* That only sockets take, or that are made for them; writes send too. */
#define SYSCALLS_THAT_SEND \
	case 44: /* sendto */ \
	case 46: /* sendmsg */ \
	case 307: /* sendmmsg */ \
	case 40: /* sendfile */ \
	case 275: /* splice */

#define SYSCALLS_THAT_CONNECT case 42: /* connect */

#define SYSCALLS_THAT_ACCEPT \
	case 43: /* accept */ \
	case 288: /* accept4 */

/* Which argument is the descriptor that a call writes to or reads from: splice
 * and copy_file_range write to their third. */
static __always_inline u32 descriptor_argument(s64 number)
{
	return number == 275 || number == 326 ? 2 : 0;
}

/* Which argument of an open is the path: open and creat have it first, openat
 * second. */
static __always_inline u32 open_path_argument(s64 number)
{
	return number == 2 || number == 85 ? 0 : 1;
}
