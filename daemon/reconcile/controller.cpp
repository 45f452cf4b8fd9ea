// SPDX-License-Identifier: LGPL-2.1-or-later
#include "controller.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "common/base/uuid.hpp"
#include "daemon/render/unified_diff.hpp"
#include "daemon/service/log_events.hpp"
#include "state_json.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace virtpind {

namespace {

constexpr std::size_t reason_bytes_max = 256;

void log_change(const PolicyChange& change)
{
    const auto generation = std::to_string(change.generation);
    const auto uid = std::to_string(change.caller.uid);
    const auto what =
        change.event == LogEvent::policy_set ? "policy " + change.policy + " set" : "policy reset";
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

const DomainPlan* unsatisfied(const Plan& plan, const DomainUuid& uuid)
{
    const auto* domain = plan.find(uuid);
    return domain != nullptr && !domain->satisfied ? domain : nullptr;
}

// What is remembered of another policy's troubles says nothing about this one.
void begin_anew(DomainRecord& record, std::optional<int> deferred_id)
{
    record.deferred_id = deferred_id;
    record.failures = 0;
    record.retry_at = {};
    record.kept_plugged = {};
}

Error cannot_be_met(const DomainPlan& plan)
{
    std::string why;
    for (const auto& reason : plan.reasons) {
        why += (why.empty() ? "" : " ") + reason.text;
    }
    return Error{.code = Errc::unsatisfiable,
                 .message = "the policy cannot be met on this host now, and nothing was changed: " +
                            why + " Relax it, free some CPUs, or use fallback=shared"};
}

Result<void> check_size_of(const DomainRecord& record)
{
    auto fits = check_definition_size(record.seen.facts);
    if (!fits) {
        return Error{.code = fits.error().code,
                     .message = printable(record.seen.facts.name) + ": " + fits.error().message};
    }
    return fits;
}

} // namespace

Controller::Controller(loop::EventLoop& loop, LibvirtPort& host, Reconciler& reconciler,
                       DaemonTasks tasks)
    : host_{host}, reconciler_{reconciler}, tasks_{std::move(tasks)}, plans_{loop}
{}

Result<DomainUuid> Controller::find_domain(std::string_view name_or_uuid) const
{
    if (!reconciler_.connected()) {
        return unreachable();
    }
    const auto& records = reconciler_.records();
    if (const auto uuid = parse_uuid(name_or_uuid); uuid && records.contains(*uuid)) {
        return *uuid;
    }
    std::optional<DomainUuid> found;
    for (const auto& [uuid, record] : records) {
        if (record.seen.facts.name != name_or_uuid) {
            continue;
        }
        if (found) {
            return Error{.code = Errc::ambiguous,
                         .message = in_quotes(name_or_uuid) +
                                    " names more than one domain; use the UUID, as ListDomains "
                                    "shows it"};
        }
        found = uuid;
    }
    if (!found) {
        return Error{.code = Errc::not_found,
                     .message = "there is no domain " + in_quotes(name_or_uuid) +
                                " (neither a name nor a UUID); ListDomains shows those there are"};
    }
    return *found;
}

Result<const DomainRecord*> Controller::record_of(const DomainUuid& uuid) const
{
    if (!reconciler_.connected()) {
        return unreachable();
    }
    const auto* record = reconciler_.find(uuid);
    if (record == nullptr) {
        return Error{.code = Errc::not_found,
                     .message = "the domain " + uuid.str() +
                                " is gone; ListDomains shows those there are"};
    }
    return record;
}

Result<const DomainRecord*> Controller::record_to_change(const DomainUuid& uuid) const
{
    auto record = record_of(uuid);
    if (!record) {
        return record;
    }
    if (const auto room = reconciler_.check_slot(); !room) {
        return room.error();
    }
    return record;
}

// One whose definition may be changed, too.
Result<const DomainRecord*> Controller::record_to_pin(const DomainUuid& uuid) const
{
    auto record = record_to_change(uuid);
    if (record) {
        if (auto fits = check_size_of(**record); !fits) {
            return std::move(fits).error();
        }
    }
    return record;
}

Result<ResolvedPolicy> Controller::resolve_with(const DomainRecord& record, const PolicySpec& spec,
                                                PolicySource layer) const
{
    const auto& facts = record.seen.facts;
    DomainHistory memory;
    auto changed = facts;
    if (layer == PolicySource::bus) {
        memory.runtime_policy = spec;
    } else {
        changed.metadata.content = spec;
    }
    auto layers = policy_layers(reconciler_.config(), changed, memory);
    if (!layers) {
        return std::move(layers).error();
    }
    return resolve_policy(reconciler_.config().catalog, *layers, !passed_through(facts).empty());
}

// Everything that can be known to be wrong before anything is changed.
Result<ResolvedPolicy> Controller::check(const SetPolicyRequest& request,
                                         const PolicySpec& spec) const
{
    const auto& record = *reconciler_.find(request.uuid);
    if (request.expect_generation && *request.expect_generation != record.generation) {
        return Error{.code = Errc::conflict,
                     .message = "the domain's policy has generation " +
                                std::to_string(record.generation) + ", not the expected " +
                                std::to_string(*request.expect_generation) +
                                ": somebody changed it; read it again and decide anew"};
    }
    const auto runtime_only = (request.flags & flag_runtime_only) != 0;
    auto resolved =
        resolve_with(record, spec, runtime_only ? PolicySource::bus : PolicySource::metadata);
    if (!resolved) {
        return std::move(resolved).error();
    }
    const auto& policy = resolved->policy;
    const auto must_fit = policy.fallback == Fallback::fail &&
                          policy.placement != Placement::none && (request.flags & flag_defer) == 0;
    if (record.decision.unreadable && record.decision.unreadable->code == Errc::internal) {
        return resolved; // nobody knows its vCPUs; it is looked at with the new policy
    }
    if (!must_fit) {
        const auto valid = reconciler_.check_policy(request.uuid, policy);
        return valid ? resolved : valid.error();
    }
    const auto trial = reconciler_.plan_with(request.uuid, policy);
    if (!trial) {
        return trial.error();
    }
    const auto* domain = unsatisfied(trial->plan, request.uuid);
    return domain == nullptr ? resolved : cannot_be_met(*domain);
}

void Controller::set_policy(SetPolicyRequest request, Reply<std::uint64_t> reply)
{
    const auto known = record_to_pin(request.uuid);
    if (!known) {
        reply(known.error());
        return;
    }
    auto spec = make_policy_spec(reconciler_.config().catalog, request.policy,
                                 std::move(request.options), PolicyName::required);
    if (!spec) {
        reply(std::move(spec).error());
        return;
    }
    if (const auto checked = check(request, *spec); !checked) {
        reply(checked.error());
        return;
    }

    // The generation moves when the request is taken, so that of two writers who expect the same
    // one only the first wins.
    auto& record = *reconciler_.find(request.uuid);
    const auto generation = ++record.generation;
    const auto deferred_id =
        (request.flags & flag_defer) != 0 ? record.seen.facts.id : std::optional<int>{};
    const PolicyChange change{.event = LogEvent::policy_set,
                              .uuid = request.uuid,
                              .domain = record.seen.facts.name,
                              .policy = spec->name,
                              .caller = request.caller,
                              .generation = generation};
    if ((request.flags & flag_runtime_only) != 0) {
        log_change(change);
        record.runtime_policy = std::move(*spec);
        record.runtime_generation = generation;
        begin_anew(record, deferred_id);
        reconciler_.look_anew(request.uuid);
        apply_then_reply(request.uuid, generation, std::move(reply));
        return;
    }
    // A stored policy replaces one that was set for this run of the daemon only.
    store_then_apply(change, *spec, deferred_id, std::move(reply));
}

void Controller::reset_policy(DomainUuid uuid, std::uint64_t flags, Caller caller,
                              Reply<std::uint64_t> reply)
{
    const auto known = record_to_pin(uuid);
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
    const auto nothing_stored = !record.seen.facts.metadata.content && record.storing == 0;
    if ((flags & flag_runtime_only) != 0 || nothing_stored) {
        log_change(change);
        record.runtime_policy.reset();
        record.runtime_generation = generation;
        begin_anew(record, std::nullopt);
        reconciler_.look_anew(uuid);
        apply_then_reply(uuid, generation, std::move(reply));
        return;
    }
    store_then_apply(change, std::nullopt, std::nullopt, std::move(reply));
}

// Nothing of the record changes when the policy cannot be stored; and a later change, which may
// have been for this run only, stays.
void Controller::store_then_apply(const PolicyChange& change, const std::optional<PolicySpec>& spec,
                                  std::optional<int> deferred_id, Reply<std::uint64_t> reply)
{
    ++reconciler_.find(change.uuid)->storing;
    reconciler_.keep_slot(); // once it is stored, it is too late to refuse
    const auto doing = spec ? "store the policy" : "remove the policy";
    host_.store_policy(
        change.uuid, spec,
        [this, change, spec, deferred_id, doing, reply = std::move(reply)](Result<void> stored) {
            reconciler_.give_slot_back();
            auto* record = reconciler_.find(change.uuid);
            if (record != nullptr && record->storing > 0) {
                --record->storing;
            }
            if (!stored) {
                reply(translate_libvirt_error(std::move(stored).error(), doing));
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
            if (record != nullptr && record->runtime_generation < change.generation) {
                record->runtime_policy.reset();
                begin_anew(*record, deferred_id);
            }
            apply_then_reply(change.uuid, change.generation, reply);
        });
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
    const auto record = record_to_change(*uuid);
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

void Controller::plan(const DomainUuid& uuid, const std::string& policy, OptionMap options,
                      const Caller& caller, DefinitionScope scope, Reply<std::string> reply)
{
    if (const auto room = plans_.check_slot(caller.uid); !room) { // before anything that takes time
        return reply(room.error());
    }
    const auto record = record_of(uuid);
    if (!record) {
        return reply(record.error());
    }
    if (const auto fits = check_size_of(**record); !fits) {
        return reply(fits.error());
    }
    auto spec = make_policy_spec(reconciler_.config().catalog, policy, std::move(options),
                                 PolicyName::required);
    if (!spec) {
        return reply(std::move(spec).error());
    }
    // As SetPolicy would store it: in place of what is stored.
    const auto resolved = resolve_with(**record, *spec, PolicySource::metadata);
    if (!resolved) {
        return reply(resolved.error());
    }
    const auto queued = plans_.add(caller.uid, [this, uuid, policy = resolved->policy, scope,
                                                reply](const PlanQueue::Done& done) {
        const auto answer = [reply, done](Result<std::string> made) {
            done();
            reply(std::move(made));
        };
        // What the boundary of the bus would have caught.
        try {
            make_plan(uuid, policy, scope, answer);
        } catch (const std::exception& error) {
            answer(Error{.code = Errc::internal,
                         .message = std::string{"the plan failed: "} + error.what()});
        }
    });
    if (!queued) {
        reply(queued.error());
    }
}

void Controller::make_plan(const DomainUuid& uuid, const Policy& policy, DefinitionScope scope,
                           Reply<std::string> reply)
{
    const auto record = record_of(uuid); // again: it may have gone meanwhile
    if (!record) {
        return reply(record.error());
    }
    auto trial = reconciler_.plan_with(uuid, policy);
    if (!trial) {
        return reply(std::move(trial).error());
    }
    auto report = plan_to_json(trial->plan, *reconciler_.topology());
    if (!trial->definition) {
        return reply(report_trial(std::move(report), uuid, "", scope));
    }
    host_.preview(uuid, std::move(*trial->definition), scope,
                  [uuid, scope, report = std::move(report),
                   name = printable((*record)->seen.facts.name),
                   reply = std::move(reply)](const Result<DefinitionPreview>& preview) {
                      if (!preview) {
                          reply(translate_libvirt_error(preview.error(), "read the definition"));
                          return;
                      }
                      // Next to what changes stands what does not.
                      const auto context = scope == DefinitionScope::whole ? 3U : 0U;
                      const auto diff = unified_diff(preview->now, preview->next, name, context);
                      reply(report_trial(report, uuid, printable_lines(diff), scope));
                  });
}

Result<std::uint64_t> Controller::add_hold(const DomainUuid& uuid, const std::string& reason,
                                           const std::string& owner)
{
    if (const auto known = record_to_change(uuid); !known) {
        return known.error();
    }
    if (reason.empty() || reason.size() > reason_bytes_max) {
        return Error{.code = Errc::invalid_argument,
                     .message = "the reason has " + std::to_string(reason.size()) +
                                " bytes; say in 1 to " + std::to_string(reason_bytes_max) +
                                " why the domain is to be left alone"};
    }
    auto& record = *reconciler_.find(uuid);
    if (record.holds.size() >= DomainRecord::holds_max) {
        return Error{.code = Errc::limits_exceeded,
                     .message = "the domain is held " + std::to_string(DomainRecord::holds_max) +
                                " times already; Release one of them first"};
    }
    const auto cookie = ++last_cookie_;
    record.holds.emplace(cookie, Hold{.reason = printable(reason), .owner = owner});
    return cookie;
}

void Controller::hold(const DomainUuid& uuid, const std::string& reason, const std::string& owner,
                      Reply<std::uint64_t> reply)
{
    const auto added = add_hold(uuid, reason, owner);
    if (!added) {
        reply(added.error());
        return;
    }
    reconciler_.request_pass(
        uuid, [this, uuid, cookie = *added, reply = std::move(reply)](const Result<void>& passed) {
            auto* record = reconciler_.find(uuid);
            // What is wrong with the domain itself is no reason not to leave it alone.
            if (passed || (record != nullptr && record->error == passed.error())) {
                reply(cookie);
                return;
            }
            if (record != nullptr) {
                record->holds.erase(cookie);
            }
            reply(passed.error());
        });
}

std::optional<DomainUuid> Controller::held_under(std::uint64_t cookie) const
{
    for (const auto& [uuid, record] : reconciler_.records()) {
        if (record.holds.contains(cookie)) {
            return uuid;
        }
    }
    return std::nullopt;
}

template <class Ends>
bool Controller::end_holds(const DomainUuid& uuid, Ends ends)
{
    auto& record = *reconciler_.find(uuid);
    const auto ended = std::erase_if(record.holds, ends) > 0;
    if (ended) {
        record.retry_at = {};
    }
    return ended;
}

Result<void> Controller::release(std::uint64_t cookie, const std::string& owner)
{
    for (const auto& [uuid, record] : reconciler_.records()) {
        const auto held = record.holds.find(cookie);
        if (held != record.holds.end() && held->second.owner == owner) {
            end_holds(uuid, [cookie](const auto& entry) { return entry.first == cookie; });
            reconciler_.request_full_pass();
            return {};
        }
    }
    return Error{.code = Errc::invalid_argument,
                 .message = "no hold of this caller has cookie " + std::to_string(cookie) +
                            "; Hold returned another, or it has been released"};
}

void Controller::owner_vanished(const std::string& owner)
{
    const auto of_owner = [&owner](const auto& entry) { return entry.second.owner == owner; };
    auto any = false;
    for (const auto& [uuid, record] : reconciler_.records()) {
        any = end_holds(uuid, of_owner) || any;
    }
    if (any) { // one pass for all of them, in which nobody else has to wait
        reconciler_.request_full_pass();
    }
}

Result<void> Controller::reload()
{
    return tasks_.read_config_again();
}

std::string Controller::describe() const
{
    if (described_.text.empty() || described_.revision != reconciler_.revision()) {
        described_ = {.revision = reconciler_.revision(),
                      .text = report_state(reconciler_.manager_view(), reconciler_.records(),
                                           reconciler_.plan(), reconciler_.topology(),
                                           reconciler_.passes())};
    }
    return described_.text;
}

Result<std::string> Controller::explain(const DomainUuid& uuid) const
{
    const auto record = record_of(uuid);
    if (!record) {
        return record.error();
    }
    return report_domain(**record, reconciler_.topology());
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
