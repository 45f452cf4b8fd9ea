// SPDX-License-Identifier: LGPL-2.1-or-later
#include "clients/view/answers.hpp"
#include "clients/view/map_text.hpp"
#include "run_times.hpp"
#include "verbs.hpp"

#include <algorithm>
#include <chrono>

namespace virtpind::client {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds between_looks{2000};
constexpr std::size_t rows_max = 20;

struct Reading {
    GuestTimes times;
    Clock::time_point when;
};

Result<std::optional<Layout>> layout_of(Session& session)
{
    const auto json = session.ask("waiting for virtpind",
                                  [](ServiceProxy& service) { return service.describe(); });
    return json ? read_layout(*json) : Result<std::optional<Layout>>{json.error()};
}

// The connection stays served meanwhile: a bus that ends is noticed.
Result<void> wait_between(Session& session)
{
    for (const auto end = Clock::now() + between_looks; Clock::now() < end;) {
        const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
        if (auto waited =
                wait_and_dispatch(session.connection(), static_cast<int>(rest.count()) + 1);
            !waited) {
            return waited;
        }
    }
    return {};
}

} // namespace

ExitStatus run_top(Session& session)
{
    const auto layout = layout_of(session);
    if (!layout) {
        return report(layout.error());
    }
    const auto is_here =
        session.target.kind == Target::Kind::system || session.target.kind == Target::Kind::session;
    std::optional<Reading> last;
    for (;;) {
        const auto asked =
            session.choose_with_libvirt(Activation::never); // Describe has started it
        if (!asked) {
            return report(asked.error());
        }
        const auto& snapshot = asked->snapshot;
        const auto& chosen = asked->guests;
        std::vector<Guest> guests;
        std::transform(chosen.begin(), chosen.end(), std::back_inserter(guests),
                       [](const Guest* one) { return *one; });
        Reading now{is_here ? read_run_times("/proc", guests) : GuestTimes{}, Clock::now()};
        if (last) {
            const auto between =
                std::chrono::duration_cast<std::chrono::nanoseconds>(now.when - last->when).count();
            const std::string home = session.is_terminal() ? "\033[H\033[2J" : "";
            const auto map =
                *layout ? render_map(**layout, map_guests(guests), snapshot.service.housekeeping,
                                     snapshot.service.pool, session.look)
                        : "";
            const auto status = session.print(home + map + "\n" +
                                              render_times(guests, last->times, now.times,
                                                           static_cast<std::uint64_t>(between),
                                                           rows_max, session.look));
            if (status != exit_ok || output_is_closed() || !session.is_terminal()) {
                return status;
            }
        }
        last = std::move(now);
        if (const auto waited = wait_between(session); !waited) {
            return report(waited.error());
        }
    }
}

} // namespace virtpind::client
