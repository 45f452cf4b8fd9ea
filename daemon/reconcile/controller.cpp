// SPDX-License-Identifier: LGPL-2.1-or-later
#include "controller.hpp"

#include "caller_errors.hpp"
#include "common/base/printable.hpp"
#include "policy_request.hpp"
#include "record_lookup.hpp"
#include "state_json.hpp"

#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t waiting_merges_max = 64; // of one domain

void log_change(const PolicyChange& change)
{
    const auto generation = std::to_string(change.generation);
    const auto uid = std::to_string(change.caller.uid);
    const auto what = change.event != LogEvent::policy_set ? "policy reset"
                      : change.policy.empty()              ? "options of its policy set"
                                                           : "policy " + change.policy + " set";
    log_event(change.event,
              printable(change.domain) + ": " + what + " over the bus by " + change.caller.name +
                  ", user " + uid + " (generation " + generation + ")",
              {{"DOMAIN", change.domain},
               {"DOMAIN_UUID", change.uuid.str()},
               {"POLICY", change.policy},
               {"CALLER", change.caller.name},
               {"CALLER_UID", uid},
               {"GENERATION", generation}});
}

// Of a policy whose caller left the bus.
void log_end(const DomainUuid& uuid, const DomainRecord& record, const std::string& owner)
{
    const auto& name = record.seen.facts.name;
    const auto generation = std::to_string(record.generation);
    log_event(LogEvent::policy_reset,
              printable(name) + ": policy reset, since " + owner +
                  ", which set it while connected, left the bus (generation " + generation + ")",
              {{"DOMAIN", name},
               {"DOMAIN_UUID", uuid.str()},
               {"POLICY", ""},
               {"CALLER", owner},
               {"GENERATION", generation}});
}

// Failures under another policy say nothing about this one.
void begin_anew(DomainRecord& record, std::optional<int> deferred_id)
{
    record.deferred_id = deferred_id;
    record.forget_failures();
    record.kept_plugged = {};
}

void end_runtime_policy(DomainRecord& record)
{
    record.runtime_policy.reset();
    record.lent.reset();
}

Result<void> check_lending(const DomainRecord& record, const SetPolicyRequest& request)
{
    const auto wanted = (request.flags & flag_while_connected) != 0;
    if (wanted && record.lent && record.lent->owner != request.caller.name) {
        return Error{.code = Errc::conflict,
                     .message = "the domain has a policy of " + record.lent->owner +
                                " until that caller leaves the bus; wait for it, or end the policy "
                                "(virtpinctl reset --runtime; ResetPolicy with 0x1, "
                                "RUNTIME_ONLY)"};
    }
    return {};
}

// An empty `spec` takes away what there is.
void set_runtime_policy(DomainRecord& record, PolicySpec spec, const SetPolicyRequest& request)
{
    if (spec == PolicySpec{}) {
        end_runtime_policy(record);
        return;
    }
    if ((request.flags & flag_while_connected) == 0) {
        record.lent.reset();
    } else if (!record.lent) {
        record.lent = LentPolicy{.owner = request.caller.name, .before = record.runtime_policy};
    }
    record.runtime_policy = std::move(spec);
}

} // namespace

Controller::Controller(loop::EventLoop& loop, LibvirtPort& host, Reconciler& reconciler,
                       DaemonTasks tasks)
    : host_{host}
    , reconciler_{reconciler}
    , tasks_{std::move(tasks)}
    , holds_{reconciler}
    , dry_runs_{loop, host, reconciler}
{}

Result<DomainUuid> Controller::find_domain(std::string_view name_or_uuid) const
{
    return virtpind::find_domain(reconciler_, name_or_uuid);
}

void Controller::set_policy(SetPolicyRequest request, Reply<std::uint64_t> reply)
{
    const auto known = record_to_pin(reconciler_, request.uuid);
    if (!known) {
        reply(known.error());
        return;
    }
    const auto merges_stored = (request.flags & (flag_merge | flag_runtime_only)) == flag_merge;
    if (merges_stored && !(*known)->storing.empty()) {
        wait_to_merge(std::move(request), std::move(reply));
        return;
    }
    auto spec = requested_spec(reconciler_.config().catalog, **known, request);
    if (!spec) {
        reply(std::move(spec).error());
        return;
    }
    if (const auto checked = check_request(reconciler_, request, *spec); !checked) {
        reply(checked.error());
        return;
    }
    if (const auto checked = check_lending(**known, request); !checked) {
        reply(checked.error());
        return;
    }

    // The generation moves when the request is taken, so that of two writers who expect the same
    // one only the first wins.
    auto& record = *reconciler_.find(request.uuid);
    const auto generation = ++record.generation;
    const auto deferred_id =
        (request.flags & flag_defer) != 0 ? record.seen.facts.id : std::optional<int>{};
    const auto takes_all = *spec == PolicySpec{};
    const PolicyChange change{.event = takes_all ? LogEvent::policy_reset : LogEvent::policy_set,
                              .uuid = request.uuid,
                              .domain = record.seen.facts.name,
                              .policy = spec->name,
                              .caller = request.caller,
                              .generation = generation};
    if ((request.flags & flag_runtime_only) != 0) {
        log_change(change);
        set_runtime_policy(record, std::move(*spec), request);
        record.runtime_generation = generation;
        begin_anew(record, deferred_id);
        reconciler_.look_anew(request.uuid);
        apply_then_reply(request.uuid, generation, std::move(reply));
        return;
    }
    // A stored policy replaces one that was set for this run of the daemon only.
    store_then_apply(change, takes_all ? std::nullopt : std::optional{*spec}, deferred_id,
                     std::move(reply));
}

void Controller::reset_policy(DomainUuid uuid, std::uint64_t flags, Caller caller,
                              Reply<std::uint64_t> reply)
{
    const auto known = record_to_pin(reconciler_, uuid);
    if (!known) {
        reply(known.error());
        return;
    }
    auto& record = *reconciler_.find(uuid);
    const auto generation = ++record.generation;
    const PolicyChange change{.event = LogEvent::policy_reset,
                              .uuid = uuid,
                              .domain = record.seen.facts.name,
                              .policy = {},
                              .caller = std::move(caller),
                              .generation = generation};
    const auto nothing_stored = !record.seen.facts.metadata.content && record.storing.empty();
    if ((flags & flag_runtime_only) != 0 || nothing_stored) {
        log_change(change);
        end_runtime_policy(record);
        record.runtime_generation = generation;
        begin_anew(record, std::nullopt);
        reconciler_.look_anew(uuid);
        apply_then_reply(uuid, generation, std::move(reply));
        return;
    }
    store_then_apply(change, std::nullopt, std::nullopt, std::move(reply));
}

void Controller::owner_vanished(const std::string& owner)
{
    holds_.owner_vanished(owner);
    auto any = false;
    for (const auto& [uuid, known] : reconciler_.records()) {
        if (!known.lent || known.lent->owner != owner) {
            continue;
        }
        auto& record = *reconciler_.find(uuid);
        record.runtime_policy = std::move(record.lent->before);
        record.lent.reset();
        record.runtime_generation = ++record.generation;
        log_end(uuid, record, owner);
        begin_anew(record, std::nullopt);
        reconciler_.look_anew(uuid);
        any = true;
    }
    if (any) {
        reconciler_.request_full_pass();
    }
}

// The record does not change if the policy cannot be stored. A later change, which may be for this
// run of the daemon only, stays.
void Controller::store_then_apply(const PolicyChange& change, const std::optional<PolicySpec>& spec,
                                  std::optional<int> deferred_id, Reply<std::uint64_t> reply)
{
    auto& changed = *reconciler_.find(change.uuid);
    const auto number = ++last_store_;
    changed.storing.insert(number);
    reconciler_.keep_slot(); // once it is stored, it is too late to refuse
    const auto doing = spec ? "store the policy" : "remove the policy";
    host_.store_policy(change.uuid, spec,
                       [this, change, spec, deferred_id, number, doing,
                        reply = std::move(reply)](Result<void> stored) {
                           reconciler_.give_slot_back();
                           auto* record = reconciler_.find(change.uuid);
                           if (record != nullptr) {
                               record->storing.erase(number);
                           }
                           if (!stored) {
                               reconciler_.publish(); // the generation that the next is to expect
                               reply(translate_libvirt_error(std::move(stored).error(), doing));
                               set_waiting(change.uuid);
                               return;
                           }
                           log_change(change);
                           if (record != nullptr) { // as the next look will find it
                               record->seen.facts.metadata.content.reset();
                               if (spec) {
                                   record->seen.facts.metadata.content.emplace(*spec);
                               }
                           }
                           reconciler_.look_anew(change.uuid);
                           if (record != nullptr &&
                               record->runtime_generation < change.generation) {
                               end_runtime_policy(*record);
                               begin_anew(*record, deferred_id);
                           }
                           apply_then_reply(change.uuid, change.generation, reply);
                           set_waiting(change.uuid);
                       });
}

void Controller::wait_to_merge(SetPolicyRequest request, Reply<std::uint64_t> reply)
{
    auto& waiting = waiting_[request.uuid];
    if (waiting.size() >= waiting_merges_max) {
        reply(Error{.code = Errc::limits_exceeded,
                    .message = std::to_string(waiting_merges_max) +
                               " changes of the domain's policy wait for libvirt to store those "
                               "before; ask again once they are answered"});
        return;
    }
    waiting.push_back({.request = std::move(request), .reply = std::move(reply)});
}

// Once nothing is on its way into the domain's metadata; those that find it there again wait anew.
void Controller::set_waiting(const DomainUuid& uuid)
{
    const auto* record = reconciler_.find(uuid);
    if (record != nullptr && !record->storing.empty()) {
        return;
    }
    auto waiting = waiting_.extract(uuid);
    if (waiting.empty()) {
        return;
    }
    for (auto& [request, reply] : waiting.mapped()) {
        set_policy(std::move(request), std::move(reply));
    }
}

void Controller::apply_then_reply(const DomainUuid& uuid, std::uint64_t generation,
                                  Reply<std::uint64_t> reply)
{
    reconciler_.request_pass(uuid, [generation, reply = std::move(reply)](Result<void> done) {
        if (done) {
            reply(generation);
        } else {
            reply(std::move(done).error());
        }
    });
}

void Controller::reapply(std::optional<DomainUuid> uuid, std::uint64_t /*flags*/,
                         Reply<std::uint64_t> reply)
{
    if (!uuid) {
        reconciler_.request_pass(std::nullopt, [this, reply = std::move(reply)](Result<void> done) {
            if (done) {
                reply(reconciler_.passes());
            } else {
                reply(std::move(done).error());
            }
        });
        return;
    }
    const auto record = record_to_change(reconciler_, *uuid);
    if (!record) {
        reply(record.error());
        return;
    }
    auto& known = *reconciler_.find(*uuid);
    known.kept_plugged = {}; // the guest may give back now what it kept
    known.deferred_id.reset();
    reconciler_.look_anew(*uuid);
    apply_then_reply(*uuid, (*record)->generation, std::move(reply));
}

Result<void> Controller::reload()
{
    return tasks_.read_config_again();
}

std::string Controller::describe() const
{
    const auto* topology = reconciler_.topology();
    if (topology != nullptr &&
        (described_.layout.empty() || described_.generation != topology->generation)) {
        described_.generation = topology->generation;
        described_.layout = report_layout(*topology);
    }
    if (described_.text.empty() || described_.revision != reconciler_.revision()) {
        described_.revision = reconciler_.revision();
        described_.text =
            report_state(make_manager_view(reconciler_.state()), reconciler_.records(),
                         reconciler_.plan(), topology, reconciler_.passes(), described_.layout);
    }
    return described_.text;
}

Result<std::string> Controller::explain(const DomainUuid& uuid) const
{
    const auto record = record_of(reconciler_, uuid);
    if (!record) {
        return record.error();
    }
    return report_domain(**record, reconciler_.plan(), reconciler_.topology());
}

Result<std::vector<ReasonView>> Controller::why(const DomainUuid& uuid) const
{
    const auto record = record_of(reconciler_, uuid);
    if (!record) {
        return record.error();
    }
    return make_reason_views(**record);
}

void Controller::export_topology(std::uint64_t /*flags*/, const Caller& caller,
                                 Reply<std::string> reply)
{
    if (exports_.take(caller.uid) == Exports::Taken::full) {
        return reply(exports_.exhausted("topologies are being exported", caller.uid));
    }
    tasks_.export_topology(reconciler_.plan(), [this, user = caller.uid,
                                                reply = std::move(reply)](Result<std::string> xml) {
        exports_.give_back(user);
        reply(std::move(xml));
    });
}

} // namespace virtpind
