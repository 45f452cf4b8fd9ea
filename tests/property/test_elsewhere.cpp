// SPDX-License-Identifier: LGPL-2.1-or-later
// Whatever definitions name, and before-images remember, of CPUs, nodes, cells and devices that
// this host has not: each set is planned by the rules, passes end, and what is given back names
// what is there. `RC_PARAMS=max_success=100000` is the count of sets.
#if defined(__GNUC__) && !defined(__clang__)
// g++ 14 takes what an optional variant holds for uninitialized where it inlines the copy.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "daemon/domain_xml/definition_editor.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/planner/diff.hpp"
#include "daemon/planner/intents.hpp"
#include "daemon/planner/plan_check.hpp"
#include "daemon/planner/plan_tuning.hpp"
#include "daemon/planner/planner.hpp"
#include "daemon/planner/validate.hpp"
#include "daemon/reconcile/controller.hpp"
#include "daemon/reconcile/reconciler.hpp"
#include "strange.hpp"
#include "tests/support/fake_host.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace virtpind::test {
namespace {

constexpr int full = rc::kNominalSize; // from the first set on

struct Definitions {
    std::vector<std::string> texts;
    std::vector<ObservedDomain> domains;
    std::vector<BeforeImage> images; // of some
};

std::optional<int> pick_run()
{
    return once_in(2) ? std::optional{static_cast<int>(pick(1, 3))} : std::nullopt;
}

// Of a set of definitions those that libvirt would let be; the parser says which.
Definitions strange_definitions(const Topology& host)
{
    const PolicyCatalog catalog;
    Definitions made;
    for (std::size_t number = pick(1, 4); number > 0; --number) {
        const auto id = pick_run();
        auto text = strange_xml(host, number, std::nullopt);
        auto seen = parse_domain_xml(text, catalog, XmlKind::config);
        if (!seen) {
            RC_FAIL(seen.error().message + "\n" + text);
        }
        if (id) {
            auto running = parse_domain_xml(strange_xml(host, number, id), catalog, XmlKind::live);
            RC_ASSERT(running.ok());
            seen->running = {.pins = once_in(2) ? running->running->pins : seen->definition->pins};
            seen->facts.id = id;
            seen->facts.state = RunState::running;
        }
        if (once_in(3)) {
            made.images.push_back(strange_image(seen->facts.uuid, seen->facts.vcpus_max));
        }
        made.texts.push_back(std::move(text));
        made.domains.push_back(std::move(*seen));
    }
    return made;
}

Config strange_config()
{
    Config config;
    config.default_policy = pick_one<std::string>({"none", "dedicated", "shared", "auto"});
    if (once_in(4)) {
        config.housekeeping = once_in(4) ? CpuSet{} : strange_cpus();
    }
    return config;
}

std::string text_of(const Definitions& made, const Topology& host)
{
    auto text = describe(host);
    for (const auto& one : made.texts) {
        text += one + "\n";
    }
    return text;
}

// Whose memory fits where is another property's (test_fleets), with stocks that add up.
bool is_of_memory(const std::string& rule)
{
    return rule.find("memory") != std::string::npos;
}

RC_GTEST_PROP(Elsewhere, IsPlannedByTheRules, ())
{
    *rc::gen::resize(
        full, rc::gen::exec([] {
            const auto host = strange_host();
            const auto made = strange_definitions(host);
            const auto config = strange_config();
            auto decisions = decide_intents(
                {.config = config,
                 .topology = host,
                 .domains = made.domains,
                 .histories = {},
                 .look = once_in(2) ? IntentInput::Look::first : IntentInput::Look::later});
            PlanRequest request{.topology = &host};
            if (config.housekeeping) {
                request.housekeeping = *config.housekeeping & host.usable_cpus();
            }
            for (auto& decision : decisions) {
                if (decision.stance == Stance::managed &&
                    find_fault(host, decision.intent, Names::of_any_host)) {
                    mark_broken(decision, Error{}, ReasonCode::policy_invalid);
                }
                request.intents.push_back(decision.intent);
            }
            auto plan = make_plan(request);
            auto broken = check_plan(request, plan);
            std::erase_if(broken, is_of_memory);
            if (!broken.empty()) {
                RC_FAIL(broken.front() + "\n" + text_of(made, host));
            }
            for (std::size_t i = 0; i < plan.domains.size(); ++i) {
                const auto& seen = made.domains[i];
                tune_plan(plan.domains[i], host, request.intents[i], seen, TuningAbilities{},
                          nullptr);
                if (plan.domains[i].placement == Placement::none) {
                    continue;
                }
                const auto actions = diff(
                    {.seen = seen, .online = host.online_cpus(), .abilities = {}}, plan.domains[i]);
                if (actions.definition) {
                    const auto edited = edit_definition(made.texts[i], *actions.definition);
                    if (!edited) {
                        RC_FAIL(edited.error().message + "\n" + made.texts[i]);
                    }
                }
            }
            return 0;
        }));
}

RC_GTEST_PROP(Elsewhere, IsGivenBackWhereItIsThere, ())
{
    *rc::gen::resize(full, rc::gen::exec([] {
                         const auto host = strange_host();
                         const auto made = strange_definitions(host);
                         const auto usable = host.usable_cpus();
                         for (std::size_t i = 0; i < made.domains.size(); ++i) {
                             const auto& seen = made.domains[i];
                             const auto image = strange_image(seen.facts.uuid, pick(1, 8));
                             const auto actions =
                                 diff_restore({.seen = seen,
                                               .online = host.online_cpus(),
                                               .abilities = {},
                                               .before = &image,
                                               .memory_nodes = host.memory_nodes()},
                                              usable, "boot");
                             for (const auto& action : actions.live) {
                                 const auto* pin = std::get_if<PinVcpu>(&action);
                                 if (pin != nullptr && !usable.includes(pin->cpus)) {
                                     RC_FAIL("given back CPUs " + pin->cpus.str());
                                 }
                             }
                             if (actions.definition) {
                                 const auto edited =
                                     edit_definition(made.texts[i], *actions.definition);
                                 RC_ASSERT(edited.ok());
                             }
                         }
                         return 0;
                     }));
}

class NoView final : public ViewSink {
public:
    void publish(const ManagerView& view, const std::vector<DomainView>& /*views*/) override
    {
        problems = view.problems;
    }

    void applied(const DomainUuid& /*uuid*/, std::uint64_t /*generation*/,
                 const std::string& /*result*/, const OptionMap& /*details*/) override
    {}

    std::vector<ProblemView> problems;
};

// Nothing runs on it.
loop::EventLoop& idle_loop()
{
    static auto one = *loop::EventLoop::create();
    return one;
}

RC_GTEST_PROP(Elsewhere, PassesOfTheDaemonEnd, ())
{
    *rc::gen::resize(
        full, rc::gen::exec([] {
            spdlog::set_level(spdlog::level::off);
            const auto first = std::make_shared<Topology>(strange_host());
            const auto made = strange_definitions(*first);
            FakeHost libvirt;
            std::map<DomainUuid, BeforeImage> images;
            for (auto seen : made.domains) {
                seen.definition->cpus.reset(); // that libvirt in memory knows of no shapes
                libvirt.domains.emplace(seen.facts.uuid, std::move(seen));
            }
            for (const auto& image : made.images) {
                images.emplace(image.uuid, image);
            }
            libvirt.images = images;
            NoView view;
            Reconciler reconciler{idle_loop(), libvirt, "boot", images};
            reconciler.show_to(view);
            reconciler.on_config(strange_config());
            const auto expect_rest = [&](const std::string& after) {
                libvirt.answer_all();
                if (libvirt.asked()) {
                    RC_FAIL("passes do not end after " + after + "\n" + text_of(made, *first));
                }
                for (const auto& [code, text, domain] : view.problems) {
                    if ((code == "InvariantBroken" || code == "Internal") && !is_of_memory(text)) {
                        RC_FAIL(text + "\n" + text_of(made, *first));
                    }
                }
            };
            reconciler.on_topology(first);
            reconciler.on_event(LibvirtConnected{.uri = "fake:///", .driver = "Fake"});
            expect_rest("the start");
            const auto second = std::make_shared<Topology>(strange_host());
            second->generation = 1;
            reconciler.on_topology(second);
            expect_rest("the host became another");
            reconciler.on_config(strange_config());
            reconciler.request_full_pass();
            expect_rest("another configuration");
            return 0;
        }));
}

} // namespace
} // namespace virtpind::test
