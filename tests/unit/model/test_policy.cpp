// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/model/policy.hpp"
#include "common/model/policy_options.hpp"

#include <gtest/gtest.h>

namespace virtpind {
namespace {

OptionValue word(const char* text)
{
    return OptionValue{std::string{text}};
}

PolicySpec spec(std::string_view name, OptionMap options = {})
{
    auto made = make_policy_spec({}, name, std::move(options), PolicyName::optional);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return made ? *made : PolicySpec{};
}

std::string refusal(const Result<PolicySpec>& made)
{
    EXPECT_FALSE(made);
    if (made) {
        return {};
    }
    EXPECT_EQ(made.error().code, Errc::invalid_policy);
    return made.error().message;
}

std::string refusal(std::string_view name, OptionMap options)
{
    return refusal(make_policy_spec({}, name, std::move(options), PolicyName::required));
}

ResolvedPolicy resolve(const std::vector<PolicyLayer>& layers, bool has_devices = false)
{
    auto resolved = resolve_policy({}, layers, has_devices);
    EXPECT_TRUE(resolved) << (resolved ? "" : resolved.error().message);
    return resolved ? *resolved : ResolvedPolicy{};
}

bool mentions(const std::string& text, std::string_view part)
{
    return text.find(part) != std::string::npos;
}

TEST(OptionTable, EveryValueRoundTripsThroughText)
{
    for (const auto& option : option_table()) {
        for (const auto value : option.values) {
            const auto parsed = parse_option_text(option, value);
            ASSERT_TRUE(parsed) << option.name << "=" << value;
            EXPECT_EQ(option_text(*parsed), value);
        }
    }
    const auto list = parse_option_text(*find_option("tune"), "no-migrate,invtsc,invtsc");
    ASSERT_TRUE(list);
    EXPECT_EQ(option_text(*list), "invtsc,no-migrate"); // canonical: the table's order, once each
}

TEST(OptionTable, EnumsFollowTheTable)
{
    // One case per enum with the last enumerator, so that a reordered table or enum shows.
    const auto policy =
        resolve({{PolicySource::bus, spec("dedicated",
                                          {
                                              {"smt", word("spread")},
                                              {"numa", word("spread")},
                                              {"device", word("require")},
                                              {"cache", word("pack")},
                                              {"cores", word("any")},
                                              {"emulator", word("2-3")},
                                              {"iothreads", word("vcpus")},
                                              {"memory", word("keep")},
                                              {"vcpus", std::uint32_t{7}},
                                              {"topology", word("host")},
                                              {"isolate", true},
                                              {"profile", word("performance")},
                                              {"move", word("node")},
                                              {"priority", std::int32_t{-4}},
                                              {"fallback", word("fail")},
                                              {"cpus", word("0-7")},
                                              {"dedicated-vcpus", word("0-1,3")},
                                              {"tune", std::vector<std::string>{"host-smbios"}},
                                          })}})
            .policy;
    EXPECT_EQ(policy.placement, Placement::dedicated);
    EXPECT_EQ(policy.smt, SmtChoice::spread);
    EXPECT_EQ(policy.numa, NumaChoice::spread);
    EXPECT_EQ(policy.device, DeviceChoice::require);
    EXPECT_EQ(policy.cache, CacheChoice::pack);
    EXPECT_EQ(policy.cores, CoreChoice::any);
    EXPECT_EQ(policy.emulator.mode, ThreadChoice::Mode::fixed);
    EXPECT_EQ(policy.emulator.cpus.str(), "2-3");
    EXPECT_EQ(policy.iothreads.mode, ThreadChoice::Mode::vcpus);
    EXPECT_EQ(policy.memory, MemoryChoice::keep);
    EXPECT_EQ(policy.vcpus, 7U);
    EXPECT_EQ(policy.topology, TopologyChoice::host);
    EXPECT_EQ(policy.isolate, IsolateChoice::yes);
    EXPECT_EQ(policy.profile, ProfileChoice::performance);
    EXPECT_EQ(policy.move, MoveLimit::node);
    EXPECT_EQ(policy.priority, -4);
    EXPECT_EQ(policy.fallback, Fallback::fail);
    EXPECT_EQ(policy.cpus.str(), "0-7");
    EXPECT_EQ(policy.dedicated_vcpus.str(), "0-1,3");
    EXPECT_EQ(policy.tune, std::set<Tune>{Tune::host_smbios});
    for (const auto value : {Placement::none, Placement::shared, Placement::dedicated}) {
        const auto text = std::string{to_string(value)};
        EXPECT_EQ(resolve({{PolicySource::bus, spec("", {{"placement", text}})}}).policy.placement,
                  value);
    }
}

TEST(OptionTable, DefaultsAreFirstValuesAndThoseOfPolicy)
{
    for (const auto& option : option_table()) {
        if (!option.values.empty() && option.name != "placement" && option.name != "tune") {
            EXPECT_EQ(option.default_text, option.values.front()) << option.name;
        }
    }
    Policy expected;
    expected.name = "dedicated";
    expected.placement = Placement::dedicated;
    EXPECT_EQ(resolve({{PolicySource::bus, spec("dedicated")}}).policy, expected);
}

TEST(OptionText, BadValuesNameTheOptionTheValueAndTheValidOnes)
{
    struct Case {
        const char* option;
        const char* text;
        const char* expected;
    };

    for (const auto& [option, text, expected] : {
             Case{"smt", "isolat", "did you mean 'isolate'? Valid: auto, prefer, require, isolate"},
             Case{"smt", "", "unknown value ''"},
             Case{"device", "requires", "did you mean 'require'? Valid: prefer, package, require"},
             Case{"isolate", "yes", "unknown value 'yes'; valid: false, true, auto"},
             Case{"isolate", "autos", "did you mean 'auto'? Valid: false, true, auto"},
             Case{"vcpus", "-1", "'-1' is no such number; valid: a number from 0 to 16384"},
             Case{"vcpus", "16385", "16385 is too large"},
             Case{"vcpus", "4x", "'4x' is no such number"},
             Case{"priority", "99999999999",
                  "'99999999999' is out of range; valid: -2147483648 to 2147483647"},
             Case{"priority", "high", "'high' is no such number; valid: a number"},
             Case{"vcpus", "99999999999", "'99999999999' is no such number"},
             Case{"cpus", "0-", "a number is missing"},
             Case{"cpus", "3,^3", "names no CPU"},
             Case{"dedicated-vcpus", "0;1", "valid: a list of vCPUs like \"0-3,8\""},
             Case{"dedicated-vcpus", "^0", "'^0' names no vCPU"},
             Case{"emulator", "host", "valid: auto, own, vcpus or a cpulist"},
             Case{"emulator", "", "names no CPU"},
             Case{"tune", "invtsc,", "unknown value ''"},
             Case{"tune", "invtcs", "did you mean 'invtsc'"},
         }) {
        const auto parsed = parse_option_text(*find_option(option), text);
        ASSERT_FALSE(parsed) << option << "=" << text;
        EXPECT_EQ(parsed.error().code, Errc::invalid_policy);
        EXPECT_TRUE(mentions(parsed.error().message, "option '" + std::string{option} + "'"))
            << parsed.error().message;
        EXPECT_TRUE(mentions(parsed.error().message, expected)) << parsed.error().message;
    }
}

TEST(OptionText, HasBounds)
{
    const std::string long_list = "0" + std::string(4096, ' ');
    EXPECT_TRUE(mentions(parse_option_text(*find_option("cpus"), long_list).error().message,
                         "4097 bytes; at most 4096"));
    std::string items = "invtsc";
    for (auto i = 1; i < 32; ++i) {
        items += ",invtsc";
    }
    EXPECT_TRUE(parse_option_text(*find_option("tune"), items));
    EXPECT_TRUE(mentions(parse_option_text(*find_option("tune"), items + ",invtsc").error().message,
                         "more than 32 items"));
    EXPECT_TRUE(parse_option_text(*find_option("vcpus"), "16384"));
    const auto hostile = refusal("dedicated", {{std::string(100'000, '\x1b'), word("x")}});
    EXPECT_LT(hostile.size(), 500U);
    EXPECT_FALSE(mentions(hostile, "\x1b"));
}

TEST(PolicySpec, UnknownOptionIsNamedWithTheNearestAndAllValidOnes)
{
    const auto message = refusal("dedicated", {{"smtt", word("isolate")}});
    EXPECT_TRUE(mentions(message, "unknown option 'smtt'; did you mean 'smt'?")) << message;
    for (const auto& option : option_table()) {
        EXPECT_TRUE(mentions(message, option.name));
    }
    EXPECT_FALSE(mentions(refusal("dedicated", {{"colour", word("red")}}), "did you mean"));
    EXPECT_TRUE(mentions(refusal("dedicated", {{"mst", word("isolate")}}), "did you mean 'smt'?"))
        << "two letters that are swapped are one slip";
    EXPECT_FALSE(mentions(refusal("dedicated", {{"tms", word("isolate")}}), "did you mean"));
}

TEST(PolicySpec, WrongTypeSaysWhichTypeItTakes)
{
    EXPECT_TRUE(mentions(refusal("dedicated", {{"smt", std::int32_t{1}}}),
                         "option 'smt': wrong type; it takes a string (D-Bus 's')"));
    EXPECT_TRUE(mentions(refusal("dedicated", {{"vcpus", std::int32_t{1}}}), "(D-Bus 'u')"));
    EXPECT_TRUE(mentions(refusal("dedicated", {{"tune", word("invtsc")}}), "(D-Bus 'as')"));
    EXPECT_TRUE(
        mentions(refusal("dedicated", {{"isolate", std::int32_t{1}}}),
                 "option 'isolate': wrong type; it takes true, false or a word (D-Bus 'b')"));
}

TEST(PolicySpec, UnknownPolicyListsTheKnownOnes)
{
    const auto message = refusal("dedicatd", {});
    EXPECT_TRUE(mentions(message, "did you mean 'dedicated'? Valid: none, shared, dedicated, "
                                  "passthrough, auto"))
        << message;
    EXPECT_TRUE(mentions(refusal("", {}), "no policy is named"));
}

TEST(PolicySpec, OptionsAreKeptInCanonicalForm)
{
    const auto made = spec("dedicated", {{"cpus", word("3,1,2")}});
    EXPECT_EQ(made.options.at("cpus"), word("1-3"));
    EXPECT_EQ(spec("dedicated", {{"cpus", word("")}}).options.at("cpus"), word(""));
}

TEST(PolicySpec, ContradictionsAreRefused)
{
    EXPECT_TRUE(mentions(refusal("none", {{"smt", word("isolate")}}),
                         "option 'smt' has no effect with placement=none"));
    EXPECT_TRUE(
        mentions(refusal("dedicated", {{"placement", word("none")}, {"priority", std::int32_t{1}}}),
                 "option 'priority' has no effect"));
    EXPECT_TRUE(mentions(refusal("shared", {{"emulator", word("own")}}),
                         "option 'emulator': 'own' needs placement=dedicated"));
    EXPECT_TRUE(mentions(refusal("shared", {{"iothreads", word("own")}}), "'iothreads'"));
    EXPECT_TRUE(mentions(refusal("shared", {{"dedicated-vcpus", word("0-1")}}),
                         "option 'dedicated-vcpus': '0-1' needs placement=dedicated"));
    spec("shared", {{"dedicated-vcpus", word("")}});
    EXPECT_TRUE(mentions(refusal("shared", {{"smt", word("isolate")}}), "'smt'"));
    EXPECT_TRUE(mentions(refusal("shared", {{"isolate", true}}), "'isolate': 'true'"));
    EXPECT_TRUE(mentions(refusal("passthrough", {{"placement", word("shared")}}), "'smt'"));
    EXPECT_TRUE(
        mentions(refusal("dedicated", {{"placement", word("shared")}, {"topology", word("match")}}),
                 "'topology'"));
    // Options that float as well as they stand are no contradiction.
    spec("shared", {{"emulator", word("vcpus")}, {"cpus", word("4-7")}, {"isolate", false}});
}

TEST(PolicyCatalog, NamedPoliciesBuildOnOthers)
{
    PolicyCatalog catalog;
    ASSERT_TRUE(catalog.add("gaming", "passthrough", {{"isolate", true}, {"smt", word("prefer")}}));
    ASSERT_TRUE(catalog.add("late", "gaming", {{"priority", std::int32_t{-1}}}));
    ASSERT_TRUE(catalog.add("set-and-forget", "auto", {{"smt", word("require")}}));
    ASSERT_TRUE(catalog.add("own", "auto", {{"placement", word("dedicated")}}));
    EXPECT_EQ(catalog.names(),
              (std::vector<std::string>{"none", "shared", "dedicated", "passthrough", "auto",
                                        "gaming", "late", "own", "set-and-forget"}));
    const auto& late = catalog.options_of("late");
    EXPECT_EQ(late.at("smt"), word("prefer"));
    EXPECT_EQ(late.at("topology"), word("match"));
    EXPECT_EQ(late.at("isolate"), OptionValue{true});
    EXPECT_EQ(late.at("priority"), OptionValue{std::int32_t{-1}});
    EXPECT_TRUE(catalog.is_auto("set-and-forget"));
    EXPECT_FALSE(catalog.is_auto("own"));
    EXPECT_FALSE(catalog.is_auto("gaming"));
}

TEST(PolicyCatalog, RefusesBadNamesAndBases)
{
    PolicyCatalog catalog;
    EXPECT_TRUE(mentions(catalog.add("shared", "dedicated", {}).error().message, "built in"));
    ASSERT_TRUE(catalog.add("a.b_c-9", "dedicated", {}));
    EXPECT_TRUE(mentions(catalog.add("a.b_c-9", "dedicated", {}).error().message, "already"));
    for (const auto& name : {std::string{}, std::string{"a b"}, std::string(65, 'a')}) {
        EXPECT_FALSE(catalog.add(name, "dedicated", {})) << name;
    }
    EXPECT_TRUE(catalog.add(std::string(64, 'a'), "dedicated", {}));
    EXPECT_TRUE(mentions(catalog.add("x", "y", {}).error().message, "unknown policy 'y'"));
    EXPECT_TRUE(mentions(catalog.add("x", "shared", {{"smt", word("require")}}).error().message,
                         "needs placement=dedicated"));
    EXPECT_FALSE(catalog.contains("x"));
}

TEST(ResolvePolicy, NobodyAskedMeansHandsOff)
{
    const auto resolved = resolve({{PolicySource::default_policy, spec("none")}});
    EXPECT_EQ(resolved.policy.placement, Placement::none);
    EXPECT_EQ(resolved.source, PolicySource::default_policy);
    EXPECT_FALSE(resolved.explicitly_set);
    EXPECT_EQ(resolve({}).policy.placement, Placement::none);
}

TEST(ResolvePolicy, HighestLayerWinsPerOption)
{
    const auto resolved = resolve(
        {{PolicySource::bus, spec("", {{"priority", std::int32_t{9}}})},
         {PolicySource::metadata,
          spec("passthrough", {{"priority", std::int32_t{1}}, {"cache", word("pack")}})},
         {PolicySource::config,
          spec("shared",
               {{"topology", word("keep")}, {"numa", word("single")}, {"cache", word("alone")}})},
         {PolicySource::default_policy, spec("auto")}});
    EXPECT_EQ(resolved.policy.name, "passthrough");
    EXPECT_EQ(resolved.source, PolicySource::metadata);
    EXPECT_TRUE(resolved.explicitly_set);
    EXPECT_EQ(resolved.policy.placement, Placement::dedicated);
    EXPECT_EQ(resolved.policy.priority, 9);
    EXPECT_EQ(resolved.policy.cache, CacheChoice::pack);
    EXPECT_EQ(resolved.policy.numa, NumaChoice::single); // a lower layer fills what is unset
    // The name's own options count as set where it is named: above the lower layer's.
    EXPECT_EQ(resolved.policy.topology, TopologyChoice::match);
    EXPECT_EQ(resolved.options, (OptionMap{{"priority", std::int32_t{9}},
                                           {"cache", word("pack")},
                                           {"numa", word("single")}}));
}

TEST(ResolvePolicy, OptionsWithoutANameAreOnTopOfTheDefaultPolicy)
{
    const auto resolved = resolve({{PolicySource::metadata, spec("", {{"smt", word("isolate")}})},
                                   {PolicySource::default_policy, spec("dedicated")}});
    EXPECT_EQ(resolved.policy.placement, Placement::dedicated);
    EXPECT_EQ(resolved.policy.smt, SmtChoice::isolate);
    EXPECT_EQ(resolved.source, PolicySource::default_policy);
    EXPECT_TRUE(resolved.explicitly_set);
}

TEST(ResolvePolicy, AutoDependsOnDevicesAndKeepsItsName)
{
    const std::vector<PolicyLayer> layers = {
        {PolicySource::config, spec("auto", {{"emulator", word("own")}, {"isolate", true}})},
        {PolicySource::default_policy, spec("", {{"placement", word("none")}})}};
    const auto with_devices = resolve(layers, true).policy;
    EXPECT_EQ(with_devices.name, "auto");
    EXPECT_EQ(with_devices.placement, Placement::dedicated);
    EXPECT_EQ(with_devices.emulator.mode, ThreadChoice::Mode::own);
    // Nobody asked for shared and own together: the options wait.
    const auto without = resolve(layers, false).policy;
    EXPECT_EQ(without.name, "auto");
    EXPECT_EQ(without.placement, Placement::shared);
    EXPECT_EQ(without.emulator.mode, ThreadChoice::Mode::automatic);
    EXPECT_EQ(without.isolate, IsolateChoice::no);
}

TEST(ResolvePolicy, IsolationWhereItCanBeHadWaitsForADedicatedDomain)
{
    const auto where_it_can = [](const char* name, bool has_devices) {
        return resolve({{PolicySource::default_policy, spec(name, {{"isolate", word("auto")}})}},
                       has_devices)
            .policy;
    };
    EXPECT_EQ(where_it_can("dedicated", false).isolate, IsolateChoice::automatic);
    EXPECT_EQ(where_it_can("auto", true).isolate, IsolateChoice::automatic);
    EXPECT_EQ(where_it_can("auto", false).placement, Placement::shared);
    EXPECT_EQ(where_it_can("shared", false).placement, Placement::shared); // no contradiction
}

TEST(OptionText, OfABooleanMayBeAWordBesideTrueAndFalse)
{
    const auto* const option = find_option("isolate");
    for (const auto& [text, value] :
         {std::pair{"true", OptionValue{true}}, std::pair{"false", OptionValue{false}},
          std::pair{"auto", word("auto")}}) {
        EXPECT_EQ(parse_option_text(*option, text).value(), value);
        EXPECT_EQ(checked_option(*option, word(text)).value(), value); // a caller's string
        EXPECT_EQ(option_text(value), text);
    }
    EXPECT_EQ(checked_option(*option, true).value(), OptionValue{true});
}

TEST(ResolvePolicy, ContradictionAcrossLayersIsAnError)
{
    const auto resolved =
        resolve_policy({},
                       {{PolicySource::bus, spec("shared")},
                        {PolicySource::metadata, spec("dedicated", {{"smt", word("require")}})}},
                       false);
    ASSERT_FALSE(resolved);
    EXPECT_EQ(resolved.error().code, Errc::invalid_policy);
    EXPECT_TRUE(mentions(resolved.error().message, "'require' needs placement=dedicated"));
    // `none` above anything is fine: the lower options rest.
    EXPECT_EQ(resolve({{PolicySource::bus, spec("none")},
                       {PolicySource::metadata, spec("dedicated", {{"smt", word("require")}})}})
                  .policy.placement,
              Placement::none);
}

} // namespace
} // namespace virtpind
