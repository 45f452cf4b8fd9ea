// SPDX-License-Identifier: LGPL-2.1-or-later
// Options, flags, texts and error names, without a bus.
#include "common/model/control_port.hpp"
#include "dbus/arguments.hpp"
#include "dbus/boundary.hpp"
#include "dbus/errors.hpp"
#include "dbus/names.hpp"
#include "dbus/options.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace virtpind::bus {
namespace {

using namespace std::string_literals;

VariantMap one(const std::string& name, const sdbus::Variant& value)
{
    return {{name, value}};
}

TEST(BusOptions, EveryTypeSurvivesTheRoundTrip)
{
    const OptionMap options{{"isolate", true},
                            {"priority", std::int32_t{-5}},
                            {"vcpus", std::uint32_t{8}},
                            {"smt", "isolate"s},
                            {"tune", std::vector<std::string>{"invtsc", "no-migrate"}}};
    const auto parsed = parse_options(to_variants(options));
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->options, options);
    EXPECT_FALSE(parsed->expect_generation);
}

TEST(BusOptions, ABooleanWithAWordMoreIsABooleanOrAString)
{
    for (const auto& [value, expected] :
         {std::pair{sdbus::Variant{true}, OptionValue{true}},
          std::pair{sdbus::Variant{"false"s}, OptionValue{false}},
          std::pair{sdbus::Variant{"auto"s}, OptionValue{"auto"s}}}) {
        const auto parsed = parse_options(one("isolate", value));
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->options.at("isolate"), expected);
        EXPECT_EQ(parse_options(to_variants(parsed->options))->options, parsed->options);
    }
    EXPECT_EQ(to_variants({{"isolate", true}}).at("isolate").peekValueType(), "b"s);
    EXPECT_EQ(to_variants({{"isolate", "auto"s}}).at("isolate").peekValueType(), "s"s);
}

TEST(BusOptions, ExpectGenerationIsTakenOut)
{
    const auto parsed = parse_options(one("expect-generation", sdbus::Variant{std::uint64_t{9}}));
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->options.empty());
    EXPECT_EQ(parsed->expect_generation, 9U);
}

TEST(BusOptions, AWrongTypeNamesTheOptionItsTypeAndWhatCame)
{
    const auto vcpus = parse_options(one("vcpus", sdbus::Variant{4.5}));
    ASSERT_FALSE(vcpus);
    EXPECT_EQ(vcpus.error().code, Errc::invalid_argument);
    EXPECT_EQ(vcpus.error().message, "option \"vcpus\" has D-Bus type \"u\" or \"s\", not \"d\"; "
                                     "with busctl write: vcpus s VALUE");
    EXPECT_FALSE(parse_options(one("isolate", sdbus::Variant{std::int32_t{1}})));
    EXPECT_FALSE(parse_options(one("smt", sdbus::Variant{true})));

    const auto expected = parse_options(one("expect-generation", sdbus::Variant{true}));
    ASSERT_FALSE(expected);
    EXPECT_NE(expected.error().message.find("\"t\" or \"s\", not \"b\""), std::string::npos);
}

template <class Integer>
void expect_number(Integer number)
{
    const auto vcpus = parse_options(one("vcpus", sdbus::Variant{number}));
    ASSERT_TRUE(vcpus) << vcpus.error().message;
    EXPECT_EQ(vcpus->options, (OptionMap{{"vcpus", std::uint32_t{7}}}));
    const auto priority = parse_options(one("priority", sdbus::Variant{number}));
    ASSERT_TRUE(priority) << priority.error().message;
    EXPECT_EQ(priority->options, (OptionMap{{"priority", std::int32_t{7}}}));
    const auto generation = parse_options(one("expect-generation", sdbus::Variant{number}));
    ASSERT_TRUE(generation) << generation.error().message;
    EXPECT_EQ(generation->expect_generation, 7U);
}

TEST(BusOptions, NumberMayHaveAnyIntegerType)
{
    expect_number(std::uint8_t{7});
    expect_number(std::int16_t{7});
    expect_number(std::uint16_t{7});
    expect_number(std::int32_t{7});
    expect_number(std::uint32_t{7});
    expect_number(std::int64_t{7});
    expect_number(std::uint64_t{7});
    const auto negative = parse_options(one("priority", sdbus::Variant{std::int64_t{-7}}));
    ASSERT_TRUE(negative);
    EXPECT_EQ(negative->options, (OptionMap{{"priority", std::int32_t{-7}}}));
}

TEST(BusOptions, NumberOutOfRangeNamesTheRange)
{
    const auto refusal = [](const std::string& name, const sdbus::Variant& value) {
        const auto parsed = parse_options(one(name, value));
        EXPECT_FALSE(parsed) << name;
        return parsed ? std::string{} : parsed.error().message;
    };
    EXPECT_NE(refusal("vcpus", sdbus::Variant{std::int32_t{-1}}).find("a number from 0 to 16384"),
              std::string::npos);
    EXPECT_NE(refusal("vcpus", sdbus::Variant{std::uint32_t{16385}}).find("from 0 to 16384"),
              std::string::npos);
    EXPECT_NE(refusal("vcpus", sdbus::Variant{std::uint64_t{1} << 32}).find("from 0 to 16384"),
              std::string::npos);
    EXPECT_NE(refusal("priority", sdbus::Variant{std::uint64_t{1} << 31})
                  .find("-2147483648 to 2147483647"),
              std::string::npos);
    EXPECT_NE(refusal("expect-generation", sdbus::Variant{std::int32_t{-1}})
                  .find("'-1' is no generation; valid: a number from 0 to"),
              std::string::npos);
}

TEST(BusOptions, EveryOptionMayBeAString)
{
    const auto parsed = parse_options({{"vcpus", sdbus::Variant{"8"s}},
                                       {"priority", sdbus::Variant{"-5"s}},
                                       {"isolate", sdbus::Variant{"true"s}},
                                       {"tune", sdbus::Variant{"no-migrate,invtsc"s}},
                                       {"expect-generation", sdbus::Variant{"9"s}}});
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->options,
              (OptionMap{{"isolate", true},
                         {"priority", std::int32_t{-5}},
                         {"tune", std::vector<std::string>{"invtsc", "no-migrate"}},
                         {"vcpus", std::uint32_t{8}}}));
    EXPECT_EQ(parsed->expect_generation, 9U);

    for (const auto& [name, text, valid] :
         {std::tuple{"vcpus", "many", "0 to 16384"}, std::tuple{"vcpus", "", "0 to 16384"},
          std::tuple{"isolate", "yes", "valid: false, true, auto"},
          std::tuple{"tune", "invtsk", "did you mean 'invtsc'"},
          std::tuple{"expect-generation", "x", "the property Generation"}}) {
        const auto wrong = parse_options(one(name, sdbus::Variant{std::string{text}}));
        ASSERT_FALSE(wrong) << name;
        EXPECT_NE(wrong.error().message.find(valid), std::string::npos) << wrong.error().message;
    }
}

TEST(BusOptions, EmptyStringCanStandForTheLackOfAnOption)
{
    for (const auto* name : {"vcpus", "isolate", "tune", "smt"}) {
        const auto parsed = parse_options(one(name, sdbus::Variant{""s}), EmptyText::takes_away);
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->options, (OptionMap{{name, ""s}}));
    }
}

TEST(BusOptions, AnUnknownOptionIsLeftToThePolicyCodeUnlessItCannotTravel)
{
    const auto unknown = parse_options(one("colour", sdbus::Variant{"red"s}));
    ASSERT_TRUE(unknown);
    EXPECT_EQ(unknown->options.count("colour"), 1U);

    const auto strange = parse_options(one("colour", sdbus::Variant{1.5}));
    ASSERT_FALSE(strange);
    EXPECT_EQ(strange.error().message, "option \"colour\" has D-Bus type \"d\"; options are of "
                                       "the types b, s, as and the integers");
}

TEST(BusOptions, NumbersAndLengthsAreBounded)
{
    VariantMap many;
    for (std::size_t i = 0; i < options_max; ++i) {
        many.emplace("option" + std::to_string(i), sdbus::Variant{true});
    }
    EXPECT_TRUE(parse_options(many));
    many.emplace("one-more", sdbus::Variant{true});
    ASSERT_FALSE(parse_options(many));
    EXPECT_EQ(parse_options(many).error().code, Errc::limits_exceeded);

    EXPECT_TRUE(parse_options(one("cpus", sdbus::Variant{std::string(text_bytes_max, '0')})));
    EXPECT_FALSE(parse_options(one("cpus", sdbus::Variant{std::string(text_bytes_max + 1, '0')})));
    EXPECT_FALSE(parse_options(one(std::string(text_bytes_max + 1, 'x'), sdbus::Variant{true})));
    EXPECT_TRUE(parse_options(
        one("tune", sdbus::Variant{std::vector<std::string>(list_items_max, "invtsc")})));
    EXPECT_FALSE(parse_options(
        one("tune", sdbus::Variant{std::vector<std::string>(list_items_max + 1, "invtsc")})));
    EXPECT_FALSE(parse_options(one(
        "tune", sdbus::Variant{std::vector<std::string>{std::string(text_bytes_max + 1, 'x')}})));

    std::vector<std::string> words(2, std::string(text_bytes_max / 2, 'x'));
    EXPECT_TRUE(parse_options(one("tune", sdbus::Variant{words})));
    words.emplace_back("x");
    EXPECT_FALSE(parse_options(one("tune", sdbus::Variant{words}))) << "all of them together";

    VariantMap large;
    for (std::size_t i = 0; i < options_bytes_max / text_bytes_max; ++i) {
        large.emplace("unknown" + std::to_string(i),
                      sdbus::Variant{std::string(text_bytes_max, 'x')});
    }
    EXPECT_FALSE(parse_options(large)) << "with their names it is too much";
    large.erase("unknown0");
    EXPECT_TRUE(parse_options(large));
}

TEST(BusFlags, UnknownBitsAreNamedWithTheKnownOnes)
{
    EXPECT_TRUE(check_flags(0x3, flag_runtime_only | flag_defer));
    EXPECT_EQ(check_flags(0x16, flag_runtime_only | flag_defer).error().message,
              "flags 0x16 have unknown bits 0x14; valid: 0x1 (RUNTIME_ONLY), 0x2 (DEFER)");
    EXPECT_EQ(check_flags(flag_defer, flag_runtime_only).error().message,
              "flags 0x2 have unknown bits 0x2; valid: 0x1 (RUNTIME_ONLY)");
    EXPECT_EQ(check_flags(0x8000000000000000, 0).error().message,
              "flags 0x8000000000000000 have unknown bits 0x8000000000000000; this method has no "
              "flags: pass 0");
}

TEST(BusErrors, EveryCodeHasAValidNameOfItsOwn)
{
    std::set<std::string_view> names;
    for (int code = 0; code <= static_cast<int>(Errc::internal); ++code) {
        const auto name = error_name(static_cast<Errc>(code));
        EXPECT_TRUE(name.rfind("org.virtpind1.Error.", 0) == 0 ||
                    name.rfind("org.freedesktop.DBus.Error.", 0) == 0)
            << name;
        EXPECT_TRUE(names.insert(name).second) << name;
    }
    EXPECT_EQ(error_name(Errc::not_found), "org.virtpind1.Error.NoSuchDomain");
    EXPECT_EQ(error_name(Errc::invalid_argument), "org.freedesktop.DBus.Error.InvalidArgs");
    EXPECT_EQ(error_name(Errc::permission_denied), "org.freedesktop.DBus.Error.AccessDenied");
    EXPECT_EQ(error_name(Errc::limits_exceeded), "org.freedesktop.DBus.Error.LimitsExceeded");
    EXPECT_EQ(error_word(Errc::apply_failed), "ApplyFailed");
}

TEST(BusBoundary, OnlyBusErrorsLeaveAHandler)
{
    EXPECT_EQ(guarded([] { return 5; }), 5);
    const auto fails = [] { return guarded([]() -> int { throw std::runtime_error{"broken"}; }); };
    try {
        fails();
        FAIL() << "nothing was thrown";
    } catch (const sdbus::Error& e) {
        EXPECT_EQ(e.getName(), "org.virtpind1.Error.Internal");
        EXPECT_NE(e.getMessage().find("broken"), std::string::npos);
    }
}

TEST(BusNames, PathsComeFromUuids)
{
    EXPECT_EQ(domain_path(DomainUuid{"1b4e28ba-2fa1-11d2-883f-0016d3cca427"}),
              "/org/virtpind1/domain/_1b4e28ba_2fa1_11d2_883f_0016d3cca427");
}

} // namespace
} // namespace virtpind::bus
