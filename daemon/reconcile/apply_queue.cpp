// SPDX-License-Identifier: LGPL-2.1-or-later
#include "apply_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace virtpind {

namespace {

// The limits of one job. A definition takes some milliseconds, a domain up to some tens; the bytes
// of definitions take libvirtd some tens of milliseconds, too.
constexpr std::size_t job_domains_max = 32;
constexpr std::size_t job_bytes_max = std::size_t{256} * 1024;
// A longer definition waits for the others: nearly all have less than a tenth of it.
constexpr std::size_t usual_definition_bytes = std::size_t{64} * 1024;
// A pass changes one in this many of all domains before it makes way, but at most this number,
// which takes some seconds.
constexpr std::size_t least_share = 16;
constexpr std::size_t least_share_max = 4 * job_domains_max;

} // namespace

ApplyQueue::ApplyQueue(std::vector<DomainActions> actions, const Records& records,
                       const Waiters& waiters)
    : actions_{std::move(actions)}
{
    const auto is_asked_for = [&waiters](const DomainActions& action) {
        return waiters.ask_for(action.uuid);
    };
    const auto is_new = [&records](const DomainActions& action) {
        return action.id && records.at(action.uuid).placed_id != action.id;
    };
    const auto is_usual = [&records](const DomainActions& action) {
        return records.at(action.uuid).seen.facts.definition_bytes <= usual_definition_bytes;
    };
    std::stable_partition(actions_.begin(), actions_.end(), is_usual);
    const auto others = std::stable_partition(actions_.begin(), actions_.end(), is_asked_for);
    std::stable_partition(others, actions_.end(), is_new);
}

std::size_t ApplyQueue::count_of_one_job(const Records& records) const
{
    std::size_t bytes = 0;
    std::size_t count = 0;
    while (next_ + count < actions_.size() && count < job_domains_max) {
        const auto record = records.find(actions_[next_ + count].uuid);
        bytes += record != records.end() ? record->second.seen.facts.definition_bytes : 0;
        if (count > 0 && bytes > job_bytes_max) {
            break;
        }
        ++count;
    }
    return count;
}

std::vector<DomainActions> ApplyQueue::take_job(const Records& records)
{
    const auto begin = actions_.begin() + static_cast<std::ptrdiff_t>(next_);
    const auto count = count_of_one_job(records);
    next_ += count;
    return {std::make_move_iterator(begin),
            std::make_move_iterator(begin + static_cast<std::ptrdiff_t>(count))};
}

bool ApplyQueue::may_make_way(std::size_t domains) const noexcept
{
    return next_ >= std::min(domains / least_share, least_share_max);
}

std::vector<DomainUuid> ApplyQueue::rest() const
{
    std::vector<DomainUuid> uuids;
    for (auto i = next_; i < actions_.size(); ++i) {
        uuids.push_back(actions_[i].uuid);
    }
    return uuids;
}

} // namespace virtpind
