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
// Apart from that, the process dies of SIGABRT, or of what VIRTPIND_ABORT_BY numbers, when pugixml
// is given a text that has what the environment variable VIRTPIND_ABORT_AT says: as if the
// daemon's own work on that domain went wrong.
//
// Called from any thread of the daemon. Counting is not exact when two threads call at once, which
// the daemon, with one thread for all of these calls, never does.
#include <dlfcn.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <pugixml.hpp>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <string>
#include <string_view>

namespace {

struct FaultPlan {
    std::string action;
    unsigned first = 0;
    unsigned count = 0;
    std::string calls;
    long delay_ms = 0;
};

std::mutex mutex;
constinit FaultPlan
    plan; // guarded by mutex; the time may be asked for before this library is set up

struct stat plan_file {}; // guarded by mutex

unsigned calls_seen = 0; // guarded by mutex
std::atomic<long> clock_offset_ms{0};
std::atomic<int> clock_timer{-1};          // the one that the kernel cancels when the clock is set
std::atomic<bool> clock_is_watched{false}; // until it was set, and again when the timer was
std::atomic<bool> clock_was_set{false};    // which its reader has yet to hear
constexpr long never = -1;
std::atomic<long> kill_after_ms{never}; // libvirt's next request

const char* plan_path()
{
    static const char* const path = std::getenv("VIRTPIND_FAULT_PLAN");
    return path;
}

bool same_file(const struct stat& a, const struct stat& b)
{
    return a.st_ino == b.st_ino && a.st_ctim.tv_sec == b.st_ctim.tv_sec &&
           a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

void read_plan()
{
    struct stat now {};

    const auto there = plan_path() != nullptr && ::stat(plan_path(), &now) == 0;
    if (there && same_file(now, plan_file)) {
        return;
    }
    plan_file = now;
    plan = FaultPlan{}; // without a plan nothing goes wrong
    calls_seen = 0;
    clock_offset_ms = 0;
    kill_after_ms = never;
    if (!there) {
        return;
    }
    if (auto* file = std::fopen(plan_path(), "re")) {
        std::array<char, 16> action{};
        std::array<char, 256> calls{};
        if (std::fscanf(file, "%15s %u %u %255s %ld", action.data(), &plan.first, &plan.count,
                        calls.data(), &plan.delay_ms) >= 4) {
            plan.action = action.data();
            plan.calls = calls.data();
        }
        std::fclose(file);
    }
}

bool is_counted(std::string_view call)
{
    if (plan.calls == "all") {
        return true;
    }
    std::string_view prefixes = plan.calls;
    while (!prefixes.empty()) {
        const auto prefix = prefixes.substr(0, prefixes.find(','));
        if (call.starts_with(prefix)) {
            return true;
        }
        prefixes.remove_prefix(std::min(prefix.size() + 1, prefixes.size()));
    }
    return false;
}

// By their numbers where a function is one of the calls.
int open_file(const char* path, int flags, mode_t mode, int dir = AT_FDCWD)
{
    return static_cast<int>(::syscall(SYS_openat, dir, path, flags, mode));
}

ssize_t write_file(int fd, const void* data, std::size_t size)
{
    return ::syscall(SYS_write, fd, data, size);
}

void log_call(std::string_view call)
{
    const auto path = std::string{plan_path()} + ".log";
    const int fd = open_file(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd >= 0) {
        const auto line = std::string{call} + "\n";
        [[maybe_unused]] const auto written = write_file(fd, line.data(), line.size());
        ::close(fd);
    }
}

void sleep_ms(long milliseconds)
{
    const timespec pause{.tv_sec = milliseconds / 1000,
                         .tv_nsec = (milliseconds % 1000) * 1'000'000};
    ::nanosleep(&pause, nullptr);
}

bool is_in_force(const struct stat& file)
{
    struct stat now {};

    return ::stat(plan_path(), &now) == 0 && same_file(now, file);
}

void wait_in_call(const struct stat& file, long most_ms)
{
    constexpr long step_ms = 10;
    if (most_ms == 0) {
        return;
    }
    const auto mark = std::string{plan_path()} + ".open";
    const int fd = open_file(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (long waited = 0; waited < most_ms && is_in_force(file); waited += step_ms) {
        sleep_ms(step_ms);
    }
    ::close(fd);
    ::syscall(SYS_unlinkat, AT_FDCWD, mark.c_str(), 0);
}

void kill_now()
{
    ::kill(::getpid(), SIGKILL);
}

// Before each call: whether it is to fail. May kill the process, or take its time.
bool meets_fault(const char* call)
{
    long delay_ms = 0;

    struct stat file {};

    {
        const std::lock_guard lock{mutex};
        read_plan();
        kill_after_ms = never; // the call that was to be met has returned without a request
        if (plan.action.empty() || plan.action == "jump" || !is_counted(call)) {
            return false;
        }
        ++calls_seen;
        log_call(call);
        const auto met =
            calls_seen >= plan.first && (plan.count == 0 || calls_seen - plan.first < plan.count);
        if (!met) {
            return false;
        }
        if (plan.action == "kill") {
            kill_now();
        }
        if (plan.action == "kill-in") {
            kill_after_ms = plan.delay_ms;
            return false;
        }
        if (plan.action == "fail") {
            return true;
        }
        delay_ms = plan.delay_ms;
        file = plan_file;
    }
    wait_in_call(file, delay_ms);
    return false;
}

// After a call that asks libvirt for nothing.
template <class Status>
Status done(Status status)
{
    if (kill_after_ms != never) {
        kill_now();
    }
    return status;
}

// Cannot be cancelled from here but made due, which wakes its reader as well.
void make_due(int timer)
{
    itimerspec now{};
    now.it_value.tv_nsec = 1;
    ::syscall(SYS_timerfd_settime, timer, 0, &now, nullptr);
}

void look_for_jump()
{
    const std::lock_guard lock{mutex};
    read_plan();
    if (plan.action == "jump" && clock_offset_ms != plan.delay_ms) {
        clock_offset_ms = plan.delay_ms;
        if (clock_is_watched.exchange(false)) {
            clock_was_set = true;
            make_due(clock_timer);
        }
    }
}

template <class Function>
Function* real(const char* name)
{
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

} // namespace

// NOLINTBEGIN(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)
#define REAL(name) real<decltype(name)>(#name)

// A pin whose map has no bytes is refused by libvirt itself, which then also says why.
extern "C" int virDomainPinVcpuFlags(virDomainPtr domain, unsigned vcpu, unsigned char* map,
                                     int length, unsigned flags)
{
    const auto fails = meets_fault("virDomainPinVcpuFlags");
    return REAL(virDomainPinVcpuFlags)(domain, vcpu, map, fails ? 0 : length, flags);
}

extern "C" int virDomainPinEmulator(virDomainPtr domain, unsigned char* map, int length,
                                    unsigned flags)
{
    const auto fails = meets_fault("virDomainPinEmulator");
    return REAL(virDomainPinEmulator)(domain, map, fails ? 0 : length, flags);
}

extern "C" int virDomainPinIOThread(virDomainPtr domain, unsigned iothread, unsigned char* map,
                                    int length, unsigned flags)
{
    const auto fails = meets_fault("virDomainPinIOThread");
    return REAL(virDomainPinIOThread)(domain, iothread, map, fails ? 0 : length, flags);
}

// For the others it is the missing object that libvirt refuses.
extern "C" int virDomainSetNumaParameters(virDomainPtr domain, virTypedParameterPtr parameters,
                                          int count, unsigned flags)
{
    const auto fails = meets_fault("virDomainSetNumaParameters");
    return REAL(virDomainSetNumaParameters)(fails ? nullptr : domain, parameters, count, flags);
}

extern "C" int virDomainSetMetadata(virDomainPtr domain, int type, const char* metadata,
                                    const char* key, const char* uri, unsigned flags)
{
    const auto fails = meets_fault("virDomainSetMetadata");
    return REAL(virDomainSetMetadata)(fails ? nullptr : domain, type, metadata, key, uri, flags);
}

extern "C" int virDomainUndefineFlags(virDomainPtr domain, unsigned flags)
{
    const auto fails = meets_fault("virDomainUndefineFlags");
    return REAL(virDomainUndefineFlags)(fails ? nullptr : domain, flags);
}

extern "C" int virDomainSetVcpu(virDomainPtr domain, const char* map, int state, unsigned flags)
{
    const auto fails = meets_fault("virDomainSetVcpu");
    return REAL(virDomainSetVcpu)(fails ? nullptr : domain, map, state, flags);
}

extern "C" virDomainPtr virDomainDefineXMLFlags(virConnectPtr connection, const char* xml,
                                                unsigned flags)
{
    const auto fails = meets_fault("virDomainDefineXMLFlags");
    return REAL(virDomainDefineXMLFlags)(fails ? nullptr : connection, xml, flags);
}

extern "C" virConnectPtr virConnectOpen(const char* name)
{
    const auto fails = meets_fault("virConnectOpen");
    return REAL(virConnectOpen)(fails ? "nosuch:///driver" : name);
}

// Delayed only: libvirt can hardly refuse it.
extern "C" int virConnectRegisterCloseCallback(virConnectPtr connection,
                                               virConnectCloseFunc callback, void* opaque,
                                               virFreeCallback free)
{
    meets_fault("virConnectRegisterCloseCallback");
    return REAL(virConnectRegisterCloseCallback)(connection, callback, opaque, free);
}

extern "C" int virConnectListAllDomains(virConnectPtr connection, virDomainPtr** domains,
                                        unsigned flags)
{
    const auto fails = meets_fault("virConnectListAllDomains");
    return REAL(virConnectListAllDomains)(fails ? nullptr : connection, domains, flags);
}

extern "C" virDomainPtr virDomainLookupByUUIDString(virConnectPtr connection, const char* uuid)
{
    const auto fails = meets_fault("virDomainLookupByUUIDString");
    return REAL(virDomainLookupByUUIDString)(fails ? nullptr : connection, uuid);
}

extern "C" char* virDomainGetXMLDesc(virDomainPtr domain, unsigned flags)
{
    const auto fails = meets_fault("virDomainGetXMLDesc");
    return REAL(virDomainGetXMLDesc)(fails ? nullptr : domain, flags);
}

extern "C" int virDomainGetVcpus(virDomainPtr domain, virVcpuInfoPtr info, int count,
                                 unsigned char* maps, int length)
{
    const auto fails = meets_fault("virDomainGetVcpus");
    return REAL(virDomainGetVcpus)(fails ? nullptr : domain, info, count, maps, length);
}

extern "C" int virDomainGetState(virDomainPtr domain, int* state, int* reason, unsigned flags)
{
    const auto fails = meets_fault("virDomainGetState");
    return REAL(virDomainGetState)(fails ? nullptr : domain, state, reason, flags);
}

extern "C" int virDomainIsPersistent(virDomainPtr domain)
{
    const auto fails = meets_fault("virDomainIsPersistent");
    return REAL(virDomainIsPersistent)(fails ? nullptr : domain);
}

extern "C" int virDomainIsActive(virDomainPtr domain)
{
    const auto fails = meets_fault("virDomainIsActive");
    return REAL(virDomainIsActive)(fails ? nullptr : domain);
}

extern "C" int virDomainGetControlInfo(virDomainPtr domain, virDomainControlInfoPtr info,
                                       unsigned flags)
{
    const auto fails = meets_fault("virDomainGetControlInfo");
    return REAL(virDomainGetControlInfo)(fails ? nullptr : domain, info, flags);
}

extern "C" int virDomainGetJobStats(virDomainPtr domain, int* type,
                                    virTypedParameterPtr* parameters, int* count, unsigned flags)
{
    const auto fails = meets_fault("virDomainGetJobStats");
    return REAL(virDomainGetJobStats)(fails ? nullptr : domain, type, parameters, count, flags);
}

extern "C" virDomainPtr virDomainLookupByName(virConnectPtr connection, const char* name)
{
    const auto fails = meets_fault("virDomainLookupByName");
    return REAL(virDomainLookupByName)(fails ? nullptr : connection, name);
}

extern "C" char* virConnectGetCapabilities(virConnectPtr connection)
{
    const auto fails = meets_fault("virConnectGetCapabilities");
    return REAL(virConnectGetCapabilities)(fails ? nullptr : connection);
}

extern "C" char* virConnectGetDomainCapabilities(virConnectPtr connection, const char* emulator,
                                                 const char* arch, const char* machine,
                                                 const char* type, unsigned flags)
{
    const auto fails = meets_fault("virConnectGetDomainCapabilities");
    return REAL(virConnectGetDomainCapabilities)(fails ? nullptr : connection, emulator, arch,
                                                 machine, type, flags);
}

extern "C" int virConnectDomainEventRegisterAny(virConnectPtr connection, virDomainPtr domain,
                                                int event,
                                                virConnectDomainEventGenericCallback callback,
                                                void* opaque, virFreeCallback free)
{
    const auto fails = meets_fault("virConnectDomainEventRegisterAny");
    return REAL(virConnectDomainEventRegisterAny)(fails ? nullptr : connection, domain, event,
                                                  callback, opaque, free);
}

extern "C" char* virConnectBaselineCPU(virConnectPtr connection, const char** cpus, unsigned count,
                                       unsigned flags)
{
    const auto fails = meets_fault("virConnectBaselineCPU");
    return REAL(virConnectBaselineCPU)(fails ? nullptr : connection, cpus, count, flags);
}

extern "C" char* virConnectBaselineHypervisorCPU(virConnectPtr connection, const char* emulator,
                                                 const char* arch, const char* machine,
                                                 const char* type, const char** cpus,
                                                 unsigned count, unsigned flags)
{
    const auto fails = meets_fault("virConnectBaselineHypervisorCPU");
    return REAL(virConnectBaselineHypervisorCPU)(fails ? nullptr : connection, emulator, arch,
                                                 machine, type, cpus, count, flags);
}

extern "C" int virConnectSetKeepAlive(virConnectPtr connection, int interval, unsigned count)
{
    const auto fails = meets_fault("virConnectSetKeepAlive");
    return REAL(virConnectSetKeepAlive)(fails ? nullptr : connection, interval, count);
}

extern "C" char* virConnectGetURI(virConnectPtr connection)
{
    const auto fails = meets_fault("virConnectGetURI");
    return REAL(virConnectGetURI)(fails ? nullptr : connection);
}

extern "C" int virConnectGetLibVersion(virConnectPtr connection, unsigned long* version)
{
    const auto fails = meets_fault("virConnectGetLibVersion");
    return REAL(virConnectGetLibVersion)(fails ? nullptr : connection, version);
}

// Nobody asks how these end.
extern "C" int virConnectDomainEventDeregisterAny(virConnectPtr connection, int callback)
{
    meets_fault("virConnectDomainEventDeregisterAny");
    return REAL(virConnectDomainEventDeregisterAny)(connection, callback);
}

extern "C" int virConnectUnregisterCloseCallback(virConnectPtr connection,
                                                 virConnectCloseFunc callback)
{
    meets_fault("virConnectUnregisterCloseCallback");
    return REAL(virConnectUnregisterCloseCallback)(connection, callback);
}

extern "C" int virConnectClose(virConnectPtr connection)
{
    meets_fault("virConnectClose");
    return REAL(virConnectClose)(connection);
}

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept
{
    const auto status = static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
    if (status == 0 && clock == CLOCK_REALTIME && plan_path() != nullptr) {
        look_for_jump();
        time->tv_sec += clock_offset_ms / 1000;
    }
    return status;
}

extern "C" int timerfd_settime(int timer, int flags, const itimerspec* value,
                               itimerspec* former) noexcept
{
    if ((flags & TFD_TIMER_CANCEL_ON_SET) != 0) {
        clock_timer = timer;
        clock_is_watched = true;
    }
    return static_cast<int>(::syscall(SYS_timerfd_settime, timer, flags, value, former));
}

extern "C" ssize_t read(int fd, void* data, std::size_t size)
{
    const auto got = ::syscall(SYS_read, fd, data, size);
    if (fd == clock_timer && clock_was_set.exchange(false)) {
        errno = ECANCELED;
        return -1;
    }
    return got;
}

// Of a regular file that is not the log; and whatever carries the request that is waited for.
extern "C" ssize_t write(int fd, const void* data, std::size_t size)
{
    if (kill_after_ms == never) {
        struct stat about {};

        const auto is_state =
            fd > STDERR_FILENO && ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
        if (!is_state) {
            return write_file(fd, data, size);
        }
        if (meets_fault("write")) {
            errno = ENOSPC;
            return -1;
        }
        if (kill_after_ms != never) {
            done(write_file(fd, data, size / 2));
        }
        return write_file(fd, data, size);
    }
    const auto written = write_file(fd, data, size);
    const auto error = errno;

    struct stat about {};

    if (written > 0 && ::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode)) {
        sleep_ms(kill_after_ms);
        kill_now();
    }
    errno = error;
    return written;
}

// For a file that may be new: others are only looked at. The daemon's own name for open().
extern "C" int open64(const char* path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & O_CREAT) == 0) {
        return open_file(path, flags, mode);
    }
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
    if (meets_fault("open")) {
        errno = EACCES;
        return -1;
    }
    return done(open_file(path, flags, mode));
}

// Those below a directory are called as the others.
extern "C" int openat64(int dir, const char* path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & O_CREAT) == 0) {
        return open_file(path, flags, mode, dir);
    }
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
    if (meets_fault("open")) {
        errno = EACCES;
        return -1;
    }
    return done(open_file(path, flags, mode, dir));
}

extern "C" int mkdirat(int dir, const char* path, mode_t mode) noexcept
{
    if (meets_fault("mkdir")) {
        errno = ENOSPC;
        return -1;
    }
    return done(static_cast<int>(::syscall(SYS_mkdirat, dir, path, mode)));
}

extern "C" int mkdir(const char* path, mode_t mode) noexcept
{
    if (meets_fault("mkdir")) {
        errno = ENOSPC;
        return -1;
    }
    return done(static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode)));
}

extern "C" int fsync(int fd)
{
    if (meets_fault("fsync")) {
        errno = EIO;
        return -1;
    }
    return done(REAL(fsync)(fd));
}

extern "C" int rename(const char* from, const char* to) noexcept
{
    if (meets_fault("rename")) {
        errno = ENOSPC;
        return -1;
    }
    return done(REAL(rename)(from, to));
}

extern "C" int unlink(const char* path) noexcept
{
    if (meets_fault("unlink")) {
        errno = EROFS;
        return -1;
    }
    return done(REAL(unlink)(path));
}

extern "C" int renameat(int from_dir, const char* from, int to_dir, const char* to) noexcept
{
    if (meets_fault("rename")) {
        errno = ENOSPC;
        return -1;
    }
    return done(REAL(renameat)(from_dir, from, to_dir, to));
}

extern "C" int unlinkat(int dir, const char* path, int flags) noexcept
{
    if (meets_fault("unlink")) {
        errno = EROFS;
        return -1;
    }
    return done(REAL(unlinkat)(dir, path, flags));
}

extern "C" int remove(const char* path) noexcept
{
    if (meets_fault("remove")) {
        errno = EROFS;
        return -1;
    }
    return done(REAL(remove)(path));
}

#define LOAD_BUFFER "_ZN4pugi12xml_document11load_bufferEPKvmjNS_12xml_encodingE"
pugi::xml_parse_result load_buffer(pugi::xml_document* self, const void* text, std::size_t size,
                                   unsigned options, pugi::xml_encoding encoding) asm(LOAD_BUFFER);

pugi::xml_parse_result load_buffer(pugi::xml_document* self, const void* text, std::size_t size,
                                   unsigned options, pugi::xml_encoding encoding)
{
    static const char* const at = std::getenv("VIRTPIND_ABORT_AT");
    static const char* const by = std::getenv("VIRTPIND_ABORT_BY");
    const std::string_view content{static_cast<const char*>(text), size};
    if (at != nullptr && content.find(at) != std::string_view::npos) {
        const auto number = by != nullptr ? std::atoi(by) : SIGABRT;
        std::signal(number, SIG_DFL); // a sanitizer would report it and exit in its place
        std::raise(number);
    }
    static const auto next =
        reinterpret_cast<decltype(&load_buffer)>(::dlsym(RTLD_NEXT, LOAD_BUFFER));
    return next(self, text, size, options, encoding);
}

// NOLINTEND(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)
