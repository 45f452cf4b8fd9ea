// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dry_runs.hpp"

#include "caller_errors.hpp"
#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "daemon/render/plan_json.hpp"
#include "daemon/render/unified_diff.hpp"
#include "displacement.hpp"
#include "examination.hpp"
#include "policy_request.hpp"
#include "record_lookup.hpp"
#include "state_json.hpp"
#include "trial_plan.hpp"

#include <exception>
#include <utility>

namespace virtpind {

namespace {

// Whatever a part of a plan throws is the answer, as the boundary of the bus would have made it.
template <class Part>
void answer_or_fail(const Reply<std::string>& answer, Part part)
{
    try {
        part();
    } catch (const std::exception& error) {
        answer(Error{.code = Errc::internal,
                     .message = std::string{"the plan failed: "} + error.what()});
    }
}

// A UUID that no domain has.
DomainUuid unused_uuid(const Records& records)
{
    for (unsigned number = 1;; ++number) {
        constexpr std::string_view zeros = "00000000-0000-4000-8000-000000000000";
        const auto digits = std::to_string(number);
        DomainUuid uuid{std::string{zeros.substr(0, zeros.size() - digits.size())} + digits};
        if (!records.contains(uuid)) {
            return uuid;
        }
    }
}

Error two_domains(const DomainFacts& guest, const DomainFacts& other)
{
    return Error{.code = Errc::conflict,
                 .message = "the definition has the name " + in_quotes(guest.name) +
                            " and the UUID " + guest.uuid.str() + ", but libvirt has " +
                            in_quotes(other.name) + " with the UUID " + other.uuid.str() +
                            ", and would refuse it; change one of them, or both to plan it in the "
                            "place of that domain"};
}

// The domain that the guest would replace: the one with its UUID, or its name where the definition
// has no UUID. The guest has a UUID then.
Result<bool> find_replaced(const Records& records, DomainFacts& guest)
{
    for (const auto& [uuid, record] : records) {
        const auto& facts = record.seen.facts;
        const auto same_name = facts.name == guest.name;
        if (guest.uuid.str().empty() && same_name) {
            guest.uuid = uuid;
            return true;
        }
        if (same_name != (uuid == guest.uuid)) {
            return two_domains(guest, facts);
        }
        if (same_name) {
            return true;
        }
    }
    if (guest.uuid.str().empty()) {
        guest.uuid = unused_uuid(records);
    }
    return false;
}

} // namespace

void DryRuns::plan(const SetPolicyRequest& request, DefinitionScope scope, Reply<std::string> reply)
{
    const auto user = request.caller.uid;
    if (const auto slot = queue_.check_slot(user); !slot) { // before anything that takes time
        return reply(slot.error());
    }
    const auto record = record_of(reconciler_, request.uuid);
    if (!record) {
        return reply(record.error());
    }
    if (const auto fits = check_definition_size(**record); !fits) {
        return reply(fits.error());
    }
    const auto& config = reconciler_.config();
    const auto spec = requested_spec(config.catalog, **record, request);
    if (!spec) {
        return reply(spec.error());
    }
    // As SetPolicy would store it: in place of what is stored.
    const auto resolved = resolve_with(config, **record, *spec, PolicySource::metadata);
    if (!resolved) {
        return reply(resolved.error());
    }
    if (const auto checked = check_effect(config.catalog, *spec, resolved->policy); !checked) {
        return reply(checked.error());
    }
    const auto queued = queue_.add(user, [this, uuid = request.uuid, policy = resolved->policy,
                                          scope, reply](const DryRunQueue::Done& done) {
        const auto answer = [reply, done](Result<std::string> made) {
            done();
            reply(std::move(made));
        };
        answer_or_fail(answer, [&] { make_plan(uuid, policy, scope, answer); });
    });
    if (!queued) {
        reply(queued.error());
    }
}

void DryRuns::make_plan(const DomainUuid& uuid, const Policy& policy, DefinitionScope scope,
                        Reply<std::string> reply)
{
    const auto record = record_of(reconciler_, uuid); // again: it may have gone meanwhile
    if (!record) {
        return reply(record.error());
    }
    auto trial = try_policy(reconciler_.trial_input(), uuid, policy);
    if (!trial) {
        return reply(std::move(trial).error());
    }
    const auto& records = reconciler_.records();
    const auto displaced = find_displaced(records, trial->plan)[uuid];
    auto report = mark_displaced(plan_to_json(trial->plan, *reconciler_.topology()), uuid,
                                 names_of(records, displaced));
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

void DryRuns::plan_guest(std::string xml, const std::string& policy, OptionMap options,
                         const Caller& caller, Reply<std::string> reply)
{
    if (const auto slot = queue_.check_slot(caller.uid); !slot) {
        return reply(slot.error());
    }
    if (!reconciler_.connected()) {
        return reply(unreachable());
    }
    std::optional<PolicySpec> spec;
    if (policy.empty() && !options.empty()) {
        return reply(Error{.code = Errc::invalid_argument,
                           .message = "options are of a policy, but \"policy\" is empty; name one "
                                      "of the property Policies, or pass no options"});
    }
    if (!policy.empty()) {
        auto made = make_policy_spec(reconciler_.config().catalog, policy, std::move(options),
                                     PolicyName::required);
        if (!made) {
            return reply(std::move(made).error());
        }
        spec = std::move(*made);
    }
    const auto make = [this, xml = std::move(xml), spec = std::move(spec), user = caller.uid,
                       reply](const DryRunQueue::Done& done) {
        const auto guest = std::make_shared<const Guest>(
            Guest{.xml = xml, .policy = spec, .user = user, .reply = [reply, done](auto made) {
                      done();
                      reply(std::move(made));
                  }});
        host_.read_guest(guest->xml, [this, guest](Result<ObservedDomain> seen) {
            if (!seen) {
                auto error = std::move(seen).error();
                error.message = "xml: " + error.message;
                return guest->reply(std::move(error));
            }
            queue_.go_on(guest->user, [this, guest, seen = std::move(*seen)] {
                answer_or_fail(guest->reply, [&] { plan_read_guest(guest, seen); });
            });
        });
    };
    if (const auto queued = queue_.add(caller.uid, make); !queued) {
        reply(queued.error());
    }
}

void DryRuns::doctor(std::optional<DomainUuid> uuid, const Caller& caller, Reply<std::string> reply)
{
    if (const auto slot = queue_.check_slot(caller.uid); !slot) {
        return reply(slot.error());
    }
    if (!reconciler_.connected() || reconciler_.topology() == nullptr) {
        return reply(unreachable());
    }
    if (uuid) {
        if (const auto record = record_of(reconciler_, *uuid); !record) {
            return reply(record.error());
        }
    }
    if (!uuid && reconciler_.records().size() > examined_domains_max) {
        return reply(Error{.code = Errc::limits_exceeded,
                           .message = "there are more than " +
                                      std::to_string(examined_domains_max) +
                                      " domains, which are not examined at once; name one, or run "
                                      "virtpind doctor"});
    }
    const auto queued = queue_.add(
        caller.uid, [this, uuid = std::move(uuid), reply](const DryRunQueue::Done& done) {
            const auto answer = [reply, done](Result<std::string> made) {
                done();
                reply(std::move(made));
            };
            answer_or_fail(answer, [&] {
                answer(examine_records(reconciler_.records(), *reconciler_.topology(), uuid));
            });
        });
    if (!queued) {
        reply(queued.error());
    }
}

void DryRuns::plan_read_guest(const std::shared_ptr<const Guest>& guest, ObservedDomain seen)
{
    const auto& answer = guest->reply;
    if (!reconciler_.connected()) {
        return answer(unreachable());
    }
    const auto replaces = find_replaced(reconciler_.records(), seen.facts);
    if (!replaces) {
        return answer(replaces.error());
    }
    if (guest->policy) { // as SetPolicy would store it
        seen.facts.metadata.content.emplace(*guest->policy);
    }
    const auto& config = reconciler_.config();
    const auto layers = policy_layers(config, seen.facts, {});
    if (!layers) {
        return answer(layers.error());
    }
    const auto resolved =
        resolve_policy(config.catalog, *layers, !passed_through(seen.facts).empty());
    if (!resolved) {
        return answer(resolved.error());
    }
    auto trial = try_guest(reconciler_.trial_input(), seen, resolved->policy);
    if (!trial) {
        return answer(std::move(trial).error());
    }
    const auto& uuid = seen.facts.uuid;
    auto report = mark_guest(plan_to_json(trial->plan, *reconciler_.topology()), uuid, *replaces);
    if (!trial->definition) {
        return answer(report_trial(std::move(report), uuid, "", DefinitionScope::whole));
    }
    host_.preview_guest(
        guest->xml, std::move(*trial->definition),
        [guest, uuid, report = std::move(report),
         name = printable(seen.facts.name)](const Result<DefinitionPreview>& preview) {
            if (!preview) {
                return guest->reply(preview.error());
            }
            const auto diff = unified_diff(preview->now, preview->next, name);
            guest->reply(report_trial(report, uuid, printable_lines(diff), DefinitionScope::whole));
        });
}

} // namespace virtpind
