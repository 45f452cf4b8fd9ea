// SPDX-License-Identifier: LGPL-2.1-or-later
// Guests for the doctor's tests, as definitions of a few words, and what is found of them.
#pragma once

#include "common/model/policy_text.hpp"
#include "daemon/domain_xml/domain_xml.hpp"
#include "daemon/planner/doctor/doctor.hpp"
#include "tests/support/topology_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace virtpind::test {

// A definition; each text is XML that goes to its place.
struct GuestText {
    std::string name = "win11";
    unsigned vcpus = 4;
    std::string pins;          // "0 8 1 9" for vCPUs 0-3; "-" for none
    std::string emulator = {}; // cpulist
    std::string cputune = {};
    std::string cpu = "<cpu mode='host-passthrough'/>";
    std::string features = {};
    std::string devices = {};
    std::string more = {};       // elements of <domain>
    std::string attributes = {}; // of <vcpu>
    bool runs = false;
};

inline std::string gpu()
{
    return "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='0' "
           "function='0'/></source></hostdev>";
}

inline std::string shape(unsigned sockets, unsigned dies, unsigned cores, unsigned threads,
                         const std::string& more = {})
{
    return "<cpu mode='host-passthrough'><topology sockets='" + std::to_string(sockets) +
           "' dies='" + std::to_string(dies) + "' cores='" + std::to_string(cores) + "' threads='" +
           std::to_string(threads) + "'/>" + more + "</cpu>";
}

inline std::string xml_of(const GuestText& guest)
{
    std::string cputune = guest.cputune;
    std::istringstream masks{guest.pins};
    unsigned vcpu = 0;
    for (std::string mask; masks >> mask; ++vcpu) {
        if (mask != "-") {
            cputune += "<vcpupin vcpu='" + std::to_string(vcpu) + "' cpuset='" + mask + "'/>";
        }
    }
    cputune += guest.emulator.empty() ? "" : "<emulatorpin cpuset='" + guest.emulator + "'/>";
    return "<domain type='kvm'" + std::string{guest.runs ? " id='1'" : ""} + "><name>" +
           guest.name + "</name><memory unit='GiB'>4</memory><vcpu " + guest.attributes + ">" +
           std::to_string(guest.vcpus) + "</vcpu><os><type arch='x86_64'>hvm</type></os><cputune>" +
           cputune + "</cputune>" + guest.cpu + "<features>" + guest.features +
           "</features><devices>" + guest.devices + "</devices>" + guest.more + "</domain>";
}

inline ObservedDomain seen(const GuestText& guest)
{
    auto read = parse_domain_xml(xml_of(guest), PolicyCatalog{}, XmlKind::config);
    EXPECT_TRUE(read) << (read ? "" : read.error().message);
    auto domain = read ? *read : ObservedDomain{};
    domain.facts.uuid = DomainUuid{"uuid of " + guest.name};
    if (guest.runs) {
        domain.running = {.pins = domain.definition->pins};
    }
    return domain;
}

struct DoctorCase {
    Topology host;
    std::vector<ObservedDomain> guests;
    HostFacts facts = HostFacts::not_known("no test asked");
    bool sees_all_guests = true;
};

inline Diagnosis examined(const DoctorCase& what)
{
    return examine({.topology = &what.host,
                    .guests = what.guests,
                    .others = {},
                    .sees_all_guests = what.sees_all_guests,
                    .host = what.facts,
                    .unsatisfied = {}});
}

inline const Finding* find(const Diagnosis& diagnosis, Check check)
{
    const auto at = std::find_if(diagnosis.findings.begin(), diagnosis.findings.end(),
                                 [check](const Finding& one) { return one.check == check; });
    return at == diagnosis.findings.end() ? nullptr : &*at;
}

inline std::string names_of(const Diagnosis& diagnosis)
{
    std::string names;
    for (const auto& one : diagnosis.findings) {
        names += std::string{info_of(one.check).name} + " (" + one.evidence + ") ";
    }
    return names;
}

// A fault and its absence.
struct FaultRow {
    Check check{};
    DoctorCase bad;
    DoctorCase good;
    std::string evidence; // a part of what is said
};

inline std::string row_name(const testing::TestParamInfo<FaultRow>& row)
{
    std::string name;
    auto upper = true;
    for (const auto sign : info_of(row.param.check).name) {
        if (sign == '.' || sign == '-') {
            upper = true;
            continue;
        }
        const auto is_lower = sign >= 'a' && sign <= 'z';
        name += static_cast<char>(upper && is_lower ? sign - 'a' + 'A' : sign);
        upper = false;
    }
    return name + std::to_string(row.index);
}

inline void PrintTo(const FaultRow& row, std::ostream* out)
{
    *out << info_of(row.check).name;
}

// What the finding says to type is what the service would do, and it takes that.
inline void expect_fix_works(const Finding& found)
{
    if (!found.automatic) {
        return;
    }
    const auto& fix = *found.automatic;
    const auto spec =
        make_policy_spec(PolicyCatalog{}, fix.policy, fix.options, PolicyName::required);
    ASSERT_TRUE(spec) << spec.error().message;
    EXPECT_TRUE(
        resolve_policy(PolicyCatalog{}, {{.source = PolicySource::metadata, .spec = *spec}}, true));
    const auto begin = found.fix.find(" " + fix.policy);
    ASSERT_NE(begin, std::string::npos) << found.fix;
    const auto typed = parse_policy_text(std::string_view{found.fix}.substr(begin));
    ASSERT_TRUE(typed) << found.fix << ": " << typed.error().message;
    EXPECT_EQ(typed->policy, fix.policy);
    EXPECT_EQ(typed->options, fix.options) << found.fix;
}

inline void expect_told_only_where_it_is(const FaultRow& row)
{
    const auto bad = examined(row.bad);
    const auto* const found = find(bad, row.check);
    ASSERT_NE(found, nullptr) << names_of(bad);
    EXPECT_NE(found->evidence.find(row.evidence), std::string::npos) << found->evidence;
    EXPECT_FALSE(found->why.empty());
    EXPECT_FALSE(found->fix.empty());
    EXPECT_EQ(found->fix.find("GUEST"), std::string::npos) << found->fix;
    for (const auto& one : bad.findings) {
        expect_fix_works(one);
    }
    const auto good = examined(row.good);
    EXPECT_EQ(find(good, row.check), nullptr) << names_of(good);
}

} // namespace virtpind::test
