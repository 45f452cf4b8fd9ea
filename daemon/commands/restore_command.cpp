// SPDX-License-Identifier: LGPL-2.1-or-later
#include "restore_command.hpp"

#include "command_connection.hpp"
#include "common/base/messages.hpp"
#include "common/base/printable.hpp"
#include "common/base/text_file.hpp"
#include "common/base/uuid.hpp"
#include "common/model/undo_merge.hpp"
#include "daemon/isolation/isolation_calls.hpp"
#include "daemon/libvirt/actuator.hpp"
#include "daemon/libvirt/domain_jobs.hpp"
#include "daemon/libvirt/event_thread.hpp"
#include "daemon/libvirt/observer.hpp"
#include "daemon/libvirt/policy_calls.hpp"
#include "daemon/planner/diff.hpp"
#include "daemon/state/state_dir.hpp"
#include "daemon/state/state_lock.hpp"
#include "daemon/state/state_store.hpp"
#include "daemon/topology/topology_reader.hpp"
#include "exit_status.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

// libvirt speaks of its sockets and keepalive then.
std::string in_words(const Error& error)
{
    return error.code == Errc::host_unavailable ? error.message + " (libvirt does not respond)"
                                                : error.message;
}

class Restoring {
public:
    Restoring(const VirtConnection& connection, StateStore& store, const Topology& topology,
              std::ostream& out, std::ostream& err)
        : connection_{connection}, store_{store}, topology_{topology}, out_{out}, err_{err}
    {}

    // The metadata, the live pins and the definition; the image goes when all of it is done.
    void restore(const ObservedDomain& seen, const BeforeImage& image)
    {
        if (is_unreadable(seen)) {
            return;
        }
        const auto removed = remove_policy(seen);
        if (!end_isolation(seen)) {
            return; // its threads cannot be moved
        }
        const auto actions = diff_restore({.seen = seen,
                                           .online = topology_.online_cpus(),
                                           .abilities = connection_.abilities(),
                                           .before = &image,
                                           .memory_nodes = topology_.memory_nodes()},
                                          topology_.usable_cpus(), boot_id_);
        auto outcome = apply_with_undo_log(connection_, PolicyCatalog{}, store_, actions);
        for (auto& sentence : outcome.differs) {
            outcome.errors.push_back(Error{.message = std::move(sentence)});
        }
        if (outcome.gone) {
            outcome.errors.push_back(Error{
                .message = "the domain ended or was restarted meanwhile; run this command again"});
        }
        if (!outcome.busy.empty()) {
            outcome.errors.push_back(is_busy(outcome.busy, outcome.applied));
        }
        if (outcome.edited) {
            outcome.errors.push_back(Error{
                .message = "somebody edited its definition meanwhile; run this command again"});
        }
        if (!removed) {
            outcome.errors.push_back(removed.error());
        }
        if (outcome.errors.empty()) {
            forget(image);
        }
        tell(image.name, outcome);
    }

    // What is on disk is of a domain that was replaced by one that we never touched.
    void forget_former(const ObservedDomain& seen)
    {
        if (!end_isolation(seen)) {
            return;
        }
        const auto removed = remove_policy(seen);
        if (!removed) {
            fail(seen.facts.name, in_words(removed.error()));
            return;
        }
        if (const auto done = store_.forget({seen.facts.uuid}); !done) {
            fail(seen.facts.name, done.error().message);
            return;
        }
        out_ << printable(seen.facts.name)
             << ": virtpind has changed nothing; dropped the before-image of a former domain\n";
    }

    // A domain with a policy of which nothing else is known.
    void forget_policy(const ObservedDomain& seen)
    {
        if (is_unreadable(seen) || !end_isolation(seen)) {
            return; // with its policy: this command finds it again
        }
        if (auto removed = remove_policy(seen); !removed) {
            fail(seen.facts.name, in_words(removed.error()));
            return;
        }
        out_ << printable(seen.facts.name)
             << ": removed its policy; it has no before-image, so its pins stay\n";
    }

    // It may be there again one day, or only be hidden from us.
    void keep(const BeforeImage& image)
    {
        out_ << printable(image.name) << ": not found in libvirt; its before-image is kept\n";
    }

    void fail(const std::string& who, const std::string& why)
    {
        failed_ = true;
        err_ << printable(who) << ": " << printable(why, message_bytes_max) << '\n';
    }

    [[nodiscard]] bool failed() const { return failed_; }

private:
    // Nothing is known of it then, not even that nothing is to be done.
    bool is_unreadable(const ObservedDomain& seen)
    {
        if (seen.running || seen.definition) {
            return false;
        }
        const auto& why = seen.facts.metadata.content;
        fail(seen.facts.name,
             (why && !*why ? why->error().message : std::string{"failed to read its XML"}) +
                 "; its before-image is kept; run this command again");
        return true;
    }

    // First of all: no thread is moved out of a partition.
    [[nodiscard]] bool end_isolation(const ObservedDomain& seen)
    {
        const auto& facts = seen.facts;
        const auto ended =
            facts.id ? virtpind::end_isolation({}, scopes_, {.id = *facts.id, .name = facts.name})
                     : Result<void>{};
        if (!ended) {
            fail(facts.name, "nothing is restored, and " + ended.error().message);
        }
        return static_cast<bool>(ended);
    }

    [[nodiscard]] Result<void> remove_policy(const ObservedDomain& seen) const
    {
        return seen.facts.metadata.content
                   ? write_policy(connection_, seen.facts.uuid, std::nullopt)
                   : Result<void>{};
    }

    void forget(const BeforeImage& image)
    {
        if (const auto done = store_.forget({image.uuid}); !done) {
            fail(image.name, done.error().message);
        }
    }

    void tell(const std::string& name, const Outcome& outcome)
    {
        for (const auto& error : outcome.errors) {
            fail(name, in_words(error));
        }
        if (!outcome.errors.empty()) {
            return;
        }
        out_ << printable(name) << ": restored; " << outcome.applied << " changes";
        for (const auto& part : outcome.not_reverted) {
            out_ << (part == outcome.not_reverted.front()
                         ? "; kept, because somebody else has changed it since: "
                         : ", ")
                 << part;
        }
        if (outcome.after) {
            out_ << what_stays_plugged(*outcome.after);
        }
        out_ << '\n';
    }

    const VirtConnection& connection_;
    StateStore& store_;
    const Topology& topology_;
    const Result<std::vector<std::string>> scopes_ = list_guest_scopes({}); // after all were seen
    const std::string boot_id_ = read_boot_id();
    std::ostream& out_;
    std::ostream& err_;
    bool failed_ = false;
};

bool is_it(const std::string& wanted, const DomainUuid& uuid, const std::string& name)
{
    return parse_uuid(wanted) == uuid || wanted == name;
}

bool is_named(const RestoreOptions& options, const DomainUuid& uuid, const std::string& name)
{
    return options.domains.empty() ||
           std::any_of(options.domains.begin(), options.domains.end(),
                       [&](const auto& wanted) { return is_it(wanted, uuid, name); });
}

// The names and UUIDs that the caller gave and libvirt does not have.
std::vector<std::string> missing_domains(const RestoreOptions& options, const Observation& seen)
{
    auto missing = options.domains;
    std::erase_if(missing, [&seen](const std::string& wanted) {
        return std::any_of(seen.domains.begin(), seen.domains.end(), [&wanted](const auto& domain) {
            return is_it(wanted, domain.facts.uuid, domain.facts.name);
        });
    });
    return missing;
}

void restore_or_forget(Restoring& restoring, const ObservedDomain& domain,
                       std::optional<BeforeImage> file, const std::string& boot_id)
{
    const auto has_file = file.has_value();
    const auto known = merge_undo(std::move(file), domain, boot_id);
    if (known.image) {
        restoring.restore(domain, *known.image);
    } else if (has_file && known.changed) {
        restoring.forget_former(domain);
    } else if (domain.facts.metadata.content) {
        restoring.forget_policy(domain);
    }
}

} // namespace

int run_restore_command(const RestoreOptions& options, std::ostream& out, std::ostream& err)
{
    const auto refuse = [&err](const Error& error, ExitStatus status) {
        err << "virtpind restore: " << printable(in_words(error), message_bytes_max) << '\n';
        return status;
    };
    const auto topology = read_topology(options.topology);
    if (!topology) {
        return refuse(topology.error(), exit_bad_input);
    }
    const VirtEventThread event_thread; // ends after the connection
    const auto connection = connect_once(options.uri, err);
    if (!connection) {
        return refuse(connection.error(), exit_failed);
    }
    // libvirt answers root whatever has become of polkit and groups; what is in the state directory
    // is the owner's, and must stay so.
    if (const auto became = become_owner_of(options.state_dir); !became) {
        return refuse(became.error(), exit_bad_input);
    }
    const auto lock = lock_state(options.state_dir);
    if (!lock) {
        return refuse(lock.error(), exit_bad_input);
    }
    const auto seen = observe_host(**connection, PolicyCatalog{}, ObserveDepth::affinities);
    if (!seen) {
        return refuse(seen.error(), exit_failed);
    }
    StateStore store{options.state_dir};
    auto loaded = store.load_all();
    Restoring restoring{**connection, store, *topology, out, err};
    for (const auto& problem : loaded.problems) {
        restoring.fail("state", problem);
    }
    const auto boot_id = read_boot_id();
    for (const auto& domain : seen->domains) {
        auto file = loaded.images.extract(domain.facts.uuid);
        if (!is_named(options, domain.facts.uuid, domain.facts.name)) {
            continue;
        }
        if (const auto kept = loaded.kept.find(domain.facts.uuid); kept != loaded.kept.end()) {
            restoring.fail(domain.facts.name, "nothing is restored: " + kept->second);
            continue;
        }
        restore_or_forget(restoring, domain,
                          file ? std::optional{std::move(file.mapped())} : std::nullopt, boot_id);
    }
    for (const auto& wanted : missing_domains(options, *seen)) {
        restoring.fail(wanted, "libvirt has no domain with this name or UUID");
    }
    for (const auto& [uuid, image] : loaded.images) {
        if (is_named(options, uuid, image.name)) {
            restoring.keep(image);
        }
    }
    return restoring.failed() ? exit_failed : exit_good;
}

} // namespace virtpind
