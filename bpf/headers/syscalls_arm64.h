/* SPDX-License-Identifier: Dual MIT/GPL */
/* System call numbers of arm64: include/uapi/asm-generic/unistd.h. */
#pragma once

#define SYSCALLS_ON_DESCRIPTORS \
	case 63: /* read */ \
	case 64: /* write */ \
	case 65: /* readv */ \
	case 66: /* writev */ \
	case 57: /* close */ \
	case 25: /* fcntl */ \
	case 80: /* fstat */ \
	case 62: /* lseek */ \
	case 286: /* preadv2 */ \
	case 287: /* pwritev2 */ \
	case 52: /* fchmod */ \
	case 55: /* fchown */ \
	case 44: /* fstatfs */ \
	case 71: /* sendfile */ \
	case 76: /* splice */

#define SYSCALLS_ON_FILES \
	case 56: /* openat */ \
	case 437: /* openat2 */ \
	case 67: /* pread64 */ \
	case 68: /* pwrite64 */ \
	case 69: /* preadv */ \
	case 70: /* pwritev */ \
	case 32: /* flock */ \
	case 82: /* fsync */ \
	case 83: /* fdatasync */ \
	case 84: /* sync_file_range */ \
	case 267: /* syncfs */ \
	case 45: /* truncate */ \
	case 46: /* ftruncate */ \
	case 47: /* fallocate */ \
	case 38: /* renameat */ \
	case 276: /* renameat2 */ \
	case 34: /* mkdirat */ \
	case 35: /* unlinkat */ \
	case 79: /* newfstatat */ \
	case 291: /* statx */ \
	case 48: /* faccessat */ \
	case 439: /* faccessat2 */ \
	case 78: /* readlinkat */ \
	case 37: /* linkat */ \
	case 36: /* symlinkat */ \
	case 53: /* fchmodat */ \
	case 452: /* fchmodat2 */ \
	case 54: /* fchownat */ \
	case 88: /* utimensat */ \
	case 43: /* statfs */ \
	case 61: /* getdents64 */ \
	case 285: /* copy_file_range */

#define SYSCALLS_ON_SOCKETS \
	case 198: /* socket */ \
	case 203: /* connect */ \
	case 202: /* accept */ \
	case 242: /* accept4 */ \
	case 206: /* sendto */ \
	case 207: /* recvfrom */ \
	case 211: /* sendmsg */ \
	case 212: /* recvmsg */ \
	case 269: /* sendmmsg */ \
	case 243: /* recvmmsg */ \
	case 210: /* shutdown */ \
	case 200: /* bind */ \
	case 201: /* listen */ \
	case 204: /* getsockname */ \
	case 205: /* getpeername */ \
	case 208: /* setsockopt */ \
	case 209: /* getsockopt */

#define SYSCALLS_THAT_OPEN \
	case 56: /* openat */ \
	case 437: /* openat2 */

#define SYSCALLS_THAT_SYNC \
	case 82: /* fsync */ \
	case 83: /* fdatasync */

#define SYSCALLS_THAT_READ \
	case 63: /* read */ \
	case 65: /* readv */ \
	case 67: /* pread64 */ \
	case 69: /* preadv */ \
	case 286: /* preadv2 */

#define SYSCALLS_THAT_WRITE \
	case 64: /* write */ \
	case 66: /* writev */ \
	case 68: /* pwrite64 */ \
	case 70: /* pwritev */ \
	case 287: /* pwritev2 */ \
	case 285: /* copy_file_range */

/* That only sockets take, or that are made for them; writes send too. */
#define SYSCALLS_THAT_SEND \
	case 206: /* sendto */ \
	case 211: /* sendmsg */ \
	case 269: /* sendmmsg */ \
	case 71: /* sendfile */ \
	case 76: /* splice */

#define SYSCALLS_THAT_CONNECT case 203: /* connect */

#define SYSCALLS_THAT_ACCEPT \
	case 202: /* accept */ \
	case 242: /* accept4 */

/* Which argument is the descriptor that a call writes to or reads from: splice
 * and copy_file_range write to their third. */
static __always_inline u32 descriptor_argument(s64 number)
{
	return number == 76 || number == 285 ? 2 : 0;
}

/* Which argument of an open is the path: there are only openat and openat2. */
static __always_inline u32 open_path_argument(s64 number)
{
	return 1;
}
