// SPDX-License-Identifier: LGPL-2.1-or-later
// The port on VirtWorld, by the real adapter and the real state store: as LibvirtClient, but jobs
// run when the test says so, and a job may be the daemon's last.
#pragma once

#include "common/model/libvirt_port.hpp"
#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/libvirt/actuator.hpp"
#include "daemon/libvirt/observer.hpp"
#include "daemon/libvirt/policy_calls.hpp"
#include "daemon/state/state_store.hpp"
#include "virt_world.hpp"

#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

namespace virtpind::test {

class WorldHost final : public LibvirtPort {
public:
    explicit WorldHost(const std::filesystem::path& state_dir) : store_{state_dir} {}

    [[nodiscard]] std::map<DomainUuid, BeforeImage> load() { return store_.load_all().images; }

    // False when there is nobody to connect to.
    bool connect()
    {
        auto opened = VirtConnection::open_deaf("qemu:///system");
        if (opened) {
            connection_ = std::move(*opened);
        }
        return static_cast<bool>(opened);
    }

    // Runs jobs and answers, at most so many. Throws Killed.
    void run(std::size_t most)
    {
        for (; most > 0 && !jobs_.empty(); --most) {
            const auto job = std::move(jobs_.front());
            jobs_.pop_front();
            job();
        }
    }

    [[nodiscard]] bool is_idle() const { return jobs_.empty(); }

    // --- LibvirtPort --------------------------------------------------------------------------
    void observe(ObserveDepth depth, std::function<void(Result<Observation>)> done) override
    {
        add<Result<Observation>>(
            [this, depth]() -> Result<Observation> {
                return lost() ? gone() : observe_host(*connection_, catalog_, depth);
            },
            std::move(done));
    }

    void apply(std::vector<DomainActions> actions,
               std::function<void(std::vector<Outcome>)> done) override
    {
        add<std::vector<Outcome>>(
            [this, actions = std::move(actions)] {
                std::vector<Outcome> outcomes;
                for (const auto& one : actions) {
                    outcomes.push_back(
                        lost() ? Outcome{.uuid = one.uuid,
                                         .name = one.name,
                                         .id = one.id,
                                         .errors = {gone().error()}}
                               : apply_with_undo_log(*connection_, catalog_, store_, one));
                }
                return outcomes;
            },
            std::move(done));
    }

    void read_guest(std::string xml, std::function<void(Result<ObservedDomain>)> done) override
    {
        add<Result<ObservedDomain>>(
            [this, xml = std::move(xml)] {
                return parse_domain_xml(xml, catalog_, XmlKind::config);
            },
            std::move(done));
    }

    void preview_guest(std::string xml, DefinitionChange change,
                       std::function<void(Result<DefinitionPreview>)> done) override
    {
        add<Result<DefinitionPreview>>(
            [xml = std::move(xml), change = std::move(change)] {
                return preview_edit(xml, change);
            },
            std::move(done));
    }

    void preview(DomainUuid uuid, DefinitionChange change, DefinitionScope scope,
                 std::function<void(Result<DefinitionPreview>)> done) override
    {
        add<Result<DefinitionPreview>>(
            [this, uuid = std::move(uuid), change = std::move(change), scope] {
                return preview_definition(*connection_, uuid, change, scope);
            },
            std::move(done));
    }

    void store_policy(DomainUuid uuid, std::optional<PolicySpec> policy,
                      std::function<void(Result<void>)> done) override
    {
        add<Result<void>>(
            [this, uuid = std::move(uuid), policy = std::move(policy)]() -> Result<void> {
                return lost() ? Result<void>{gone().error()}
                              : write_policy(*connection_, uuid, policy);
            },
            std::move(done));
    }

    void save_before_image(BeforeImage image, std::function<void(Result<void>)> done) override
    {
        add<Result<void>>([this, image = std::move(image)] { return store_.save(image); },
                          std::move(done));
    }

    void forget_oldest_before_image(std::vector<DomainUuid> uuids,
                                    std::function<void(Result<DomainUuid>)> done) override
    {
        add<Result<DomainUuid>>(
            [this, uuids = std::move(uuids)] { return store_.forget_oldest(uuids); },
            std::move(done));
    }

    void forget_before_images(std::vector<DomainUuid> uuids,
                              std::function<void(Result<void>)> done) override
    {
        add<Result<void>>([this, uuids = std::move(uuids)] { return store_.forget(uuids); },
                          std::move(done));
    }

private:
    [[nodiscard]] bool lost() const { return connection_ == nullptr || virt_world().lost; }

    [[nodiscard]] static Result<Observation> gone()
    {
        return Error{.code = Errc::host_unavailable, .message = "no connection"};
    }

    template <class T, class Job>
    void add(Job job, std::function<void(T)> done)
    {
        jobs_.emplace_back([job = std::move(job), done = std::move(done)] {
            T result = job();
            if (virt_world().dying) {
                throw Killed{};
            }
            done(std::move(result));
        });
    }

    StateStore store_;
    const PolicyCatalog catalog_;
    std::unique_ptr<VirtConnection> connection_;
    std::deque<std::function<void()>> jobs_;
};

} // namespace virtpind::test
