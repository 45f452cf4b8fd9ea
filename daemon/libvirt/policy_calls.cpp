// SPDX-License-Identifier: LGPL-2.1-or-later
#include "policy_calls.hpp"

#include "common/base/printable.hpp"
#include "daemon/domain_xml/policy_xml.hpp"
#include "definition_writer.hpp"
#include "domain_calls.hpp"
#include "domain_jobs.hpp"
#include "error.hpp"

#include <utility>

namespace virtpind {

Result<void> set_policy_element(virDomainPtr domain, const std::optional<std::string>& element,
                                unsigned flags)
{
    if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT,
                             element ? element->c_str() : nullptr, "virtpind", policy_namespace,
                             flags) < 0) {
        return last_error();
    }
    return {};
}

Result<void> write_policy(const VirtConnection& connection, const DomainUuid& uuid,
                          const std::optional<PolicySpec>& policy)
{
    const auto domain = look_up(connection, uuid);
    if (!domain) {
        return domain.error();
    }
    const auto what = "store the policy of " + printable(virDomainGetName(domain->get()));
    const auto id = id_of(domain->get());
    auto persistent = virDomainIsPersistent(domain->get());
    if (persistent < 0) {
        return last_error().failed_to(what);
    }
    if (id && is_unresponsive(domain->get())) {
        return no_answer(domain->get()).failed_to(what);
    }
    if (id && is_job_active(domain->get())) {
        return is_busy("started, saved or migrated").failed_to(what);
    }
    if (const auto with = id ? busy_with(domain->get()) : ""; !with.empty()) {
        return is_busy(with).failed_to(what);
    }
    const auto element =
        policy ? std::optional{format_policy_element(*policy)} : std::optional<std::string>{};
    if (persistent == 1) {
        auto stored = set_policy_element(domain->get(), element, VIR_DOMAIN_AFFECT_CONFIG);
        if (!stored && id && virDomainIsPersistent(domain->get()) == 0) {
            persistent = 0; // it was undefined at this moment, and runs on
        } else if (!stored) {
            return std::move(stored).error().failed_to(what);
        } else if (!policy) {
            drop_empty_metadata(connection, domain->get());
        }
    }
    if (!id) {
        return {};
    }
    auto shown = set_policy_element(domain->get(), element, VIR_DOMAIN_AFFECT_LIVE);
    if (shown || is_gone(shown.error(), domain->get(), id)) {
        return {};
    }
    auto error = std::move(shown).error();
    if (persistent == 1) {
        error.code = Errc::partially_applied;
        error.message = "the definition has it, but the running domain does not: " + error.message;
    }
    return std::move(error).failed_to(what);
}

} // namespace virtpind
