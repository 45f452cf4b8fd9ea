// SPDX-License-Identifier: LGPL-2.1-or-later
#include "observer.hpp"

#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "common/base/uuid.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "device_parents.hpp"
#include "domain_jobs.hpp"
#include "error.hpp"
#include "given_cpus.hpp"

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <set>
#include <vector>

namespace virtpind {

namespace {

// Maps for all CPUs that any set may hold: libvirt's own count of host CPUs is wrong for the test
// driver, and asking for it costs more than these bytes.
constexpr int map_bytes = VIR_CPU_MAPLEN(id_set_limit);

CpuSet to_cpu_set(const unsigned char* map)
{
    CpuSet cpus;
    for (int byte = 0; byte < map_bytes; ++byte) {
        for (unsigned bit = 0; map[byte] != 0 && bit < 8; ++bit) {
            if ((map[byte] & (1U << bit)) != 0) {
                cpus.insert(CpuId{static_cast<std::uint32_t>(byte) * 8 + bit});
            }
        }
    }
    return cpus;
}

RunState to_run_state(int state)
{
    switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
    case VIR_DOMAIN_SHUTDOWN:
        return RunState::running;
    case VIR_DOMAIN_PAUSED:
    case VIR_DOMAIN_PMSUSPENDED:
        return RunState::paused;
    case VIR_DOMAIN_CRASHED:
        return RunState::crashed;
    default:
        return RunState::other;
    }
}

Result<std::map<VcpuId, CpuSet>> read_vcpu_affinities(virDomainPtr domain, std::size_t online)
{
    std::vector<virVcpuInfo> infos(online);
    std::vector<unsigned char> maps(online * map_bytes);
    const auto rows =
        virDomainGetVcpus(domain, infos.data(), static_cast<int>(online), maps.data(), map_bytes);
    if (rows < 0) {
        return last_error();
    }
    std::map<VcpuId, CpuSet> affinities;
    for (std::size_t row = 0; row < static_cast<std::size_t>(rows); ++row) {
        affinities[VcpuId{infos[row].number}] = to_cpu_set(&maps[row * map_bytes]);
    }
    return affinities;
}

// With what sysfs tells of its devices. What parsing it takes is all that is told to `guard`: a
// call that hangs says nothing of the domain.
Result<ObservedDomain> parse(virDomainPtr domain, std::string_view text,
                             const PolicyCatalog& catalog, XmlKind kind, CrashGuard* guard)
{
    const Attempt attempt{guard != nullptr ? &guard->worker() : nullptr, uuid_of(domain)};
    try {
        auto parsed = parse_domain_xml(text, catalog, kind);
        if (parsed && kind == XmlKind::live) {
            find_parents(parsed->facts, "/");
        }
        return parsed;
    } catch (const std::exception& error) {
        return Error{.code = Errc::internal,
                     .message = "something went wrong in virtpind itself (" +
                                std::string{error.what()} +
                                "); please report it together with the definition"};
    }
}

// What a running domain's own XML does not tell: its definition, what the kernel does.
Result<void> complete_active(const VirtConnection& connection, virDomainPtr domain,
                             const PolicyCatalog& catalog, ObserveDepth depth, ListedState listed,
                             CrashGuard* guard, ObservedDomain& observed)
{
    auto& facts = observed.facts;
    facts.state = listed.state;
    facts.persistent = listed.persistent;
    facts.job_active = listed.job_active;
    if (facts.persistent) {
        const auto text = read_xml(domain, VIR_DOMAIN_XML_INACTIVE);
        if (!text) {
            return text.error();
        }
        auto definition = parse(domain, *text, catalog, XmlKind::config, guard);
        if (!definition) {
            return std::move(definition).error();
        }
        observed.definition = std::move(definition->definition);
        facts.definition_bytes = std::max(facts.definition_bytes, text->size());
        observed.definition->iothreads = std::move(definition->facts.iothreads);
        facts.metadata = std::move(definition->facts.metadata);
    }
    if (depth == ObserveDepth::affinities && connection.abilities().real_affinities) {
        // QEMU cannot tell for a guest that runs all its vCPUs in one thread (TCG with icount).
        auto affinities = read_vcpu_affinities(domain, facts.vcpus_online.size());
        if (affinities && observed.running) {
            observed.running->affinities = std::move(*affinities);
            add_given_cpus(*observed.running, read_given_cpus());
        } else if (!affinities && affinities.error().code == Errc::host_unavailable) {
            return std::move(affinities).error();
        }
    }
    return {};
}

ObservedDomain unreadable(virDomainPtr domain, Error why)
{
    ObservedDomain observed;
    observed.facts.uuid = uuid_of(domain);
    observed.facts.name = virDomainGetName(domain);
    if (const auto id = virDomainGetID(domain); id != static_cast<unsigned>(-1)) {
        observed.facts.id = static_cast<int>(id);
        observed.facts.state = RunState::other;
    }
    observed.facts.metadata.content = std::move(why);
    return observed;
}

Result<ObservedDomain> read_domain(const VirtConnection& connection, virDomainPtr domain,
                                   const PolicyCatalog& catalog, ObserveDepth depth,
                                   ListedState listed, CrashGuard* guard)
{
    if (guard != nullptr && guard->suspects(uuid_of(domain))) {
        const auto definition = read_xml(domain, VIR_DOMAIN_XML_INACTIVE);
        if (!definition) {
            return definition.error();
        }
        if (guard->leaves_alone(uuid_of(domain), *definition)) {
            return unreadable(domain, Error{.code = Errc::internal, .message = why_left_alone()});
        }
    }
    const auto text = read_xml(domain, 0);
    if (!text) {
        return text.error();
    }
    auto observed = parse(domain, *text, catalog, XmlKind::live, guard);
    if (!observed) {
        return observed;
    }
    observed->facts.definition_bytes = text->size();
    if (!observed->facts.active()) {
        // The same call gives the definition of a domain that is shut off; the id in the XML is
        // what tells, since the domain may have stopped or started since it was listed.
        return observed;
    }
    if (auto completed =
            complete_active(connection, domain, catalog, depth, listed, guard, *observed);
        !completed) {
        return std::move(completed).error();
    }
    return observed;
}

Result<std::vector<DomainHandle>> list_domains(virConnectPtr connection, unsigned filter)
{
    virDomainPtr* list = nullptr;
    const auto count = virConnectListAllDomains(connection, &list, filter);
    if (count < 0) {
        return last_error().failed_to("list domains");
    }
    const MallocPtr<virDomainPtr> owner{list};
    return std::vector<DomainHandle>(list, list + count);
}

// Nearly all domains are persistent, and run when they are active. Asking for the others in one
// call each spares two calls per domain.
class ListedStates {
public:
    static Result<ListedStates> ask(virConnectPtr connection)
    {
        ListedStates listed_states;
        const auto transient = list_domains(connection, VIR_CONNECT_LIST_DOMAINS_TRANSIENT);
        if (!transient) {
            return transient.error();
        }
        for (const auto& domain : *transient) {
            listed_states.transient_.insert(uuid_of(domain.get()));
        }
        const auto not_running = list_domains(connection, VIR_CONNECT_LIST_DOMAINS_PAUSED |
                                                              VIR_CONNECT_LIST_DOMAINS_OTHER);
        if (!not_running) {
            return not_running.error();
        }
        for (const auto& domain : *not_running) {
            int state = VIR_DOMAIN_NOSTATE;
            int reason = 0;
            if (virDomainGetState(domain.get(), &state, &reason, 0) == 0) { // else it has gone
                listed_states.not_running_.emplace(
                    uuid_of(domain.get()), NotRunning{.state = to_run_state(state),
                                                      .job_active = is_job_active(state, reason)});
            }
        }
        return listed_states;
    }

    [[nodiscard]] ListedState of(const DomainUuid& uuid) const
    {
        const auto at = not_running_.find(uuid);
        const auto [state, job_active] = at != not_running_.end() ? at->second : NotRunning{};
        return {.state = state, .persistent = !transient_.contains(uuid), .job_active = job_active};
    }

private:
    struct NotRunning {
        RunState state = RunState::running;
        bool job_active = false;
    };

    std::set<DomainUuid> transient_;
    std::map<DomainUuid, NotRunning> not_running_;
};

} // namespace

Result<std::string> read_xml(virDomainPtr domain, unsigned flags)
{
    const MallocString text{virDomainGetXMLDesc(domain, flags)};
    if (!text) {
        return last_error();
    }
    return std::string{text.get()};
}

Result<std::string> read_public_definition(const VirtConnection& connection, const DomainUuid& uuid)
{
    const DomainHandle domain{virDomainLookupByUUIDString(connection.raw(), uuid.str().c_str())};
    return domain ? read_xml(domain.get(), VIR_DOMAIN_XML_INACTIVE)
                  : Result<std::string>{last_error()};
}

Result<std::string> read_xml_to_send(const VirtConnection& connection,
                                     const std::string& name_or_uuid, Side side)
{
    const auto uuid = parse_uuid(name_or_uuid);
    DomainHandle domain{uuid ? virDomainLookupByUUIDString(connection.raw(), uuid->str().c_str())
                             : nullptr};
    if (!domain) {
        domain.reset(virDomainLookupByName(connection.raw(), name_or_uuid.c_str()));
    }
    if (!domain) {
        auto error = last_error();
        if (error.code == Errc::not_found) {
            error.message = "libvirt has no domain " + in_quotes(name_or_uuid) +
                            " (neither a name nor a UUID); virsh list --all shows those it has";
        }
        return error;
    }
    return read_xml(domain.get(),
                    VIR_DOMAIN_XML_SECURE | (side == Side::definition ? VIR_DOMAIN_XML_INACTIVE
                                                                      : VIR_DOMAIN_XML_MIGRATABLE));
}

DomainUuid uuid_of(virDomainPtr domain)
{
    std::array<char, VIR_UUID_STRING_BUFLEN> uuid{};
    virDomainGetUUIDString(domain, uuid.data());
    return DomainUuid{uuid.data()};
}

Result<std::optional<ObservedDomain>>
observe_domain(const VirtConnection& connection, virDomainPtr domain, const PolicyCatalog& catalog,
               ObserveDepth depth, ListedState listed, CrashGuard* guard)
{
    // Newer libvirts wait for it, 30 s for each XML; whoever comes after it must not.
    if (is_unresponsive(domain)) {
        return std::optional{unreadable(domain, no_answer(domain))};
    }
    auto observed = read_domain(connection, domain, catalog, depth, listed, guard);
    if (observed) {
        return std::optional{std::move(*observed)};
    }
    auto error = std::move(observed).error();
    if (error.code == Errc::host_unavailable) {
        return error;
    }
    if (error.code == Errc::not_found) {
        return std::optional<ObservedDomain>{};
    }
    return std::optional{unreadable(
        domain, std::move(error).failed_to("read " + printable(virDomainGetName(domain))))};
}

Result<Observation> observe_host(const VirtConnection& connection, const PolicyCatalog& catalog,
                                 ObserveDepth depth, const std::function<void()>& after_each,
                                 CrashGuard* guard)
{
    const auto handles = list_domains(connection.raw(), 0);
    if (!handles) {
        return handles.error();
    }
    const auto listed_states = ListedStates::ask(connection.raw());
    if (!listed_states) {
        return listed_states.error();
    }
    Observation observation{.domains = {}, .abilities = connection.abilities()};
    for (const auto& handle : *handles) {
        auto observed = observe_domain(connection, handle.get(), catalog, depth,
                                       listed_states->of(uuid_of(handle.get())), guard);
        if (!observed) {
            return std::move(observed).error();
        }
        if (*observed) {
            observation.domains.push_back(std::move(**observed));
        }
        after_each();
    }
    std::sort(observation.domains.begin(), observation.domains.end(),
              [](const ObservedDomain& a, const ObservedDomain& b) {
                  return a.facts.uuid < b.facts.uuid;
              });
    return observation;
}

} // namespace virtpind
