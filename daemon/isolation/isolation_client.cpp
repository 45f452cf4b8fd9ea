// SPDX-License-Identifier: LGPL-2.1-or-later
#include "isolation_client.hpp"

#include "unit_affinities.hpp"

#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t jobs_max = 16; // a pass has one at a time
constexpr std::chrono::seconds units_age_max{60};

} // namespace

IsolationClient::IsolationClient(loop::EventLoop& loop, IsolationPlaces places)
    : places_{std::move(places)}, worker_{loop, "isolation", jobs_max}
{}

void IsolationClient::look(GuestRuns runs, std::function<void(IsolationView)> done)
{
    auto refused = done;
    const auto posted = worker_.submit([this, runs = std::move(runs), done = std::move(done)] {
        auto view = read_isolation(places_, runs);
        const auto now = std::chrono::steady_clock::now();
        if (!view.lacks && (!units_.known || now - units_.read_at > units_age_max)) {
            units_ = {.found = read_unit_affinities(places_.units), .read_at = now, .known = true};
        }
        view.units = units_.found;
        return [done, view = std::move(view)]() mutable { done(std::move(view)); };
    });
    if (posted == loop::Posted::full) {
        refused({.lacks = IsolationAnswer{.refused = IsolationRefusal::failed,
                                          .cpus = {},
                                          .detail = "too many looks at once"},
                 .host = {},
                 .scopes = {},
                 .units = {}});
    }
}

void IsolationClient::ask(std::vector<IsolationRequest> requests,
                          std::function<void(std::vector<IsolationAnswer>)> done)
{
    auto refused = done;
    const auto count = requests.size();
    const auto posted = worker_.submit([this, requests = std::move(requests),
                                        done = std::move(done)] {
        std::vector<IsolationAnswer> answers;
        for (const auto& request : requests) { // who does not answer once is not waited for again
            const auto silent =
                !answers.empty() && answers.back().refused == IsolationRefusal::no_helper;
            answers.push_back(silent ? answers.back() : ask_isolation(places_, request));
        }
        return [done, answers = std::move(answers)]() mutable { done(std::move(answers)); };
    });
    if (posted == loop::Posted::full) {
        refused(std::vector<IsolationAnswer>(
            count, {.refused = IsolationRefusal::no_helper, .cpus = {}, .detail = "too busy"}));
    }
}

} // namespace virtpind
