// SPDX-License-Identifier: LGPL-2.1-or-later
// libc's functions of files that meet the faults of VirtWorld: linked into a test, they take the
// place of the real ones. Nothing has to survive a power failure here.
#include "virt_world.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace virtpind::test {

namespace {

using What = Fault::What;

// One call on a file, where no exception may pass.
template <class Effect>
int file_call(Effect effect) noexcept
{
    auto& world = virt_world();
    const auto what = world.dying ? What::none : world.meet(Kind::file);
    const auto fails = what == What::refuse || what == What::lose || what == What::fail_late ||
                       what == What::lose_late;
    if (fails) { // these do, or do not
        errno = EIO;
        return -1;
    }
    world.dying = world.dying || what == What::kill_before || what == What::kill_after;
    if (what == What::kill_before) {
        errno = EIO;
        return -1;
    }
    const auto status = effect();
    if (status == 0) {
        ++world.changes;
    }
    return status;
}

} // namespace

} // namespace virtpind::test

using virtpind::test::file_call;
using virtpind::test::Kind;
using virtpind::test::virt_world;

extern "C" int fsync(int)
{
    auto& world = virt_world();
    switch (world.meet(Kind::file)) {
    case virtpind::test::Fault::What::kill_before:
    case virtpind::test::Fault::What::kill_after:
        throw virtpind::test::Killed{};
    case virtpind::test::Fault::What::none:
        ++world.changes;
        return 0;
    default:
        errno = EIO;
        return -1;
    }
}

extern "C" int rename(const char* from, const char* to) noexcept
{
    return file_call([&] {
        return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
    });
}

extern "C" int unlink(const char* path) noexcept
{
    return file_call([&] { return static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0)); });
}
