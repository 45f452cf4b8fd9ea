// SPDX-License-Identifier: LGPL-2.1-or-later
// Preloaded into the daemon, makes one of its calls to libvirt or to the disk go wrong: the process
// is killed there, or the call fails, or it takes long. Which one says a file, named by the
// environment variable VIRTPIND_FAULT_PLAN, that is looked at before each call and may be replaced
// (rename) at any time:
//
//     ACTION FIRST COUNT CALLS [MILLISECONDS]
//
// ACTION is kill, kill-in, fail, delay or jump; FIRST the call that meets it, counted from 1 since
// the plan was written; COUNT how many calls meet it (0: all from there on); CALLS are prefixes of
// the calls' names that are counted, separated by commas, or `all`.
//
// - kill comes before the call. kill-in comes MILLISECONDS after libvirt's request for it was sent:
//   at 0 libvirtd is about to do it, later it has done it, and the daemon never knows. A call to
//   the disk has been done by then, a write in half; a call that asks nobody is not met.
// - A delay lasts until the plan is taken back or replaced, at most MILLISECONDS; meanwhile
//   PLAN.open is there.
// - A jump moves the wall clock by MILLISECONDS as soon as the daemon looks at the time. As the
//   kernel does, it cancels the daemon's timer for that; it meets no call.
//
// Calls that are counted are appended to PLAN.log. Without the file nothing goes wrong.
//
// Called from any thread of the daemon. Counting is not exact when two threads call at once, which
// the daemon, with one thread for all of these calls, never does.
#pragma once

#include <dlfcn.h>
#include <sys/types.h>

#include <cstddef>

namespace fault {

// Before each call: whether it is to fail. May kill the process, or take its time.
[[nodiscard]] bool meets_fault(const char* call);

// Whether the process is to be killed after libvirt's next request, and that: it does not return.
[[nodiscard]] bool is_kill_awaited();
void kill_after_request();

// Kills the process after a call that asks libvirt for nothing, if a kill is awaited.
void kill_if_awaited();

template <class Status>
Status done(Status status)
{
    kill_if_awaited();
    return status;
}

// Whether there may be faults at all, and by how much the wall clock has jumped.
[[nodiscard]] bool is_planned();
[[nodiscard]] long clock_offset_ms();
// The timer that the kernel cancels when the clock is set.
void watch_clock(int timer);
// Whether the reader of `timer` has yet to hear that the clock was set.
[[nodiscard]] bool clock_was_set(int timer);

// By their numbers where a function is one of the calls.
int open_file(const char* path, int flags, mode_t mode, int dir);
ssize_t write_file(int fd, const void* data, std::size_t size);

template <class Function>
Function* real(const char* name)
{
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

} // namespace fault

#define REAL(name) fault::real<decltype(name)>(#name)
