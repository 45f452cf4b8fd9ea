// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/turns.hpp"

#include <algorithm>
#include <utility>

namespace virtpind::bus {

Result<void> Turns::add(const std::string& caller, Answer answer)
{
    const auto known = waiting_.find(caller);
    if (known != waiting_.end() && known->second.answers.size() >= per_caller_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = std::to_string(per_caller_max) +
                                " calls of yours wait for their answers already; wait for those"};
    }
    if (known != waiting_.end() && in_all_ >= in_all_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = std::to_string(in_all_) +
                                " calls wait for their answers already, some of them yours; wait "
                                "for those"};
    }
    auto& own = known != waiting_.end()
                    ? known->second
                    : waiting_.emplace(caller, Caller{.answers = {}, .due = now_()}).first->second;
    own.answers.push_back(std::move(answer));
    ++in_all_;
    return {};
}

void Turns::forget(const std::string& caller)
{
    const auto gone = waiting_.extract(caller);
    if (!gone) {
        return;
    }
    in_all_ -= gone.mapped().answers.size();
    for (const auto& answer : gone.mapped().answers) {
        answer.drop();
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
    auto& waiting = waiting_.at(caller).answers;
    const auto answer = std::move(waiting.front());
    waiting.pop_front();
    --in_all_;

    const auto begin = now_();
    answer.give();
    const auto end = now_();
    const auto own = waiting_.find(caller); // anew: it may have been forgotten meanwhile
    if (own == waiting_.end()) {
        return;
    }
    if (own->second.answers.empty()) {
        waiting_.erase(own);
    } else {
        own->second.due = end + rest * (end - begin);
    }
}

} // namespace virtpind::bus
