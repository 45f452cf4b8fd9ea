// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dry_runs.hpp"

#include "caller_errors.hpp"
#include "common/base/printable.hpp"
#include "daemon/render/plan_json.hpp"
#include "daemon/render/unified_diff.hpp"
#include "policy_request.hpp"
#include "record_lookup.hpp"
#include "state_json.hpp"
#include "trial_plan.hpp"

#include <exception>
#include <utility>

namespace virtpind {

void DryRuns::plan(const DomainUuid& uuid, const std::string& policy, OptionMap options,
                   const Caller& caller, DefinitionScope scope, Reply<std::string> reply)
{
    if (const auto slot = queue_.check_slot(caller.uid); !slot) { // before anything that takes time
        return reply(slot.error());
    }
    const auto record = record_of(reconciler_, uuid);
    if (!record) {
        return reply(record.error());
    }
    if (const auto fits = check_definition_size(**record); !fits) {
        return reply(fits.error());
    }
    auto spec = make_policy_spec(reconciler_.config().catalog, policy, std::move(options),
                                 PolicyName::required);
    if (!spec) {
        return reply(std::move(spec).error());
    }
    // As SetPolicy would store it: in place of what is stored.
    const auto resolved =
        resolve_with(reconciler_.config(), **record, *spec, PolicySource::metadata);
    if (!resolved) {
        return reply(resolved.error());
    }
    const auto queued = queue_.add(caller.uid, [this, uuid, policy = resolved->policy, scope,
                                                reply](const DryRunQueue::Done& done) {
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

} // namespace virtpind
