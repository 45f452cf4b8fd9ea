// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/turns.hpp"

#include <algorithm>
#include <utility>

namespace virtpind::bus {

namespace {

constexpr int rest = 3; // times as long as the answer took

} // namespace

Result<void> Turns::add(const std::string& caller, std::function<void()> answer)
{
    if (in_all_ >= in_all_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = std::to_string(in_all_max) +
                                " calls wait for their answers already; ask again in a moment"};
    }
    const auto [own, is_new] = waiting_.try_emplace(caller);
    auto& answers = own->second.answers;
    if (answers.size() >= per_caller_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = std::to_string(per_caller_max) +
                                " calls of yours wait for their answers already; wait for those"};
    }
    if (is_new) {
        own->second.due = Clock::now();
    }
    answers.push_back(std::move(answer));
    ++in_all_;
    return {};
}

void Turns::forget(const std::string& caller)
{
    if (const auto own = waiting_.find(caller); own != waiting_.end()) {
        in_all_ -= own->second.answers.size();
        waiting_.erase(own);
    }
}

Turns::Callers::const_iterator Turns::next() const
{
    return std::min_element(waiting_.begin(), waiting_.end(), [](const auto& a, const auto& b) {
        return a.second.due < b.second.due;
    });
}

void Turns::take_next()
{
    const auto caller = next()->first;
    auto& own = waiting_.at(caller);
    const auto answer = std::move(own.answers.front());
    own.answers.pop_front();
    --in_all_;

    const auto begin = Clock::now();
    answer();
    const auto end = Clock::now();
    if (own.answers.empty()) {
        waiting_.erase(caller);
    } else {
        own.due = end + rest * (end - begin);
    }
}

} // namespace virtpind::bus
