// SPDX-License-Identifier: LGPL-2.1-or-later
// Notices changes of the host's CPUs: the kernel's uevents for CPUs, nodes and memory, collected
// for a moment because they come in bursts. Best effort: without a netlink socket, or when it
// overflows, the periodic pass notices the change. Main thread.
#pragma once

#include "common/base/unique_fd.hpp"
#include "daemon/loop/event_loop.hpp"

#include <functional>
#include <string_view>

namespace virtpind {

class UeventWatch {
public:
    UeventWatch(loop::EventLoop& loop, std::function<void()> on_change);

    // The reason why there are no uevents, for the log; empty when there are.
    [[nodiscard]] std::string_view problem() const noexcept { return problem_; }

private:
    void on_readable();
    void debounce();

    std::string_view problem_;
    loop::UniqueFd socket_;
    loop::Timer debounce_;
    loop::Source source_;
};

// Whether a kernel uevent (NUL-separated "ACTION@devpath", "KEY=value"...) concerns the layout.
[[nodiscard]] bool is_layout_event(std::string_view uevent);

} // namespace virtpind
