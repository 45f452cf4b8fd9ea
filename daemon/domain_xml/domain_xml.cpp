// SPDX-License-Identifier: LGPL-2.1-or-later
#include "domain_xml.hpp"

#include "argument_devices.hpp"
#include "common/base/messages.hpp"
#include "common/base/uuid.hpp"
#include "common/model/parts.hpp"
#include "cpu_definition_xml.hpp"
#include "guest_details_xml.hpp"
#include "pins_xml.hpp"
#include "policy_xml.hpp"
#include "undo_note_xml.hpp"
#include "xml_reader.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace virtpind {

namespace {

void read_identity(Reader& reader, const pugi::xml_node& domain, DomainFacts& facts)
{
    facts.name = trimmed_text(domain.child("name"));
    if (facts.name.empty()) {
        reader.fail(Errc::invalid_argument, "<name> is missing");
    }
    if (const auto text = trimmed_text(domain.child("uuid")); !text.empty()) {
        if (auto uuid = parse_uuid(text)) {
            facts.uuid = std::move(*uuid);
        } else {
            reader.fail(Errc::invalid_argument,
                        "<uuid> is " + in_quotes(text) +
                            "; it looks like 12345678-9abc-def0-1234-56789abcdef0");
        }
    }
    if (const auto id = domain.attribute("id")) {
        facts.id = static_cast<int>(
            reader.number(id.value(), "domain/@id", std::numeric_limits<int>::max(), 0));
        facts.state = RunState::running;
    }
}

// <iothreads> tells how many, <iothreadids> some of their ids; the rest get the lowest free ones.
void read_iothreads(Reader& reader, const pugi::xml_node& domain, DomainFacts& facts)
{
    IdSet<IothreadId> ids;
    for (const auto entry : domain.child("iothreadids").children("iothread")) {
        ids.insert(IothreadId{reader.small_number(entry, "id", 0)});
    }
    const auto count =
        reader.number(trimmed_text(domain.child("iothreads")), "<iothreads>", id_set_limit - 1, 0);
    for (std::uint32_t id = 1; ids.size() < count && id < id_set_limit; ++id) {
        ids.insert(IothreadId{id});
    }
    facts.iothreads.assign(ids.begin(), ids.end());
}

std::string pci_address(Reader& reader, const pugi::xml_node& address)
{
    const auto part = [&reader, &address](const char* name, unsigned most) {
        return static_cast<unsigned>(reader.number(address.attribute(name).value(),
                                                   std::string{"address/@"} + name, most, 0, 16));
    };
    std::array<char, 16> text{}; // "ffff:ff:1f.7"
    std::snprintf(text.data(), text.size(), "%04x:%02x:%02x.%x", part("domain", 0xffff),
                  part("bus", 0xff), part("slot", 0x1f), part("function", 7));
    return text.data();
}

// Devices that reach the guest's pages without being a PCI device of the guest's own: mediated
// ones, vDPA, and NVMe disks that QEMU drives itself.
bool locks_memory(std::string_view name, std::string_view type)
{
    return (name == "hostdev" && type == "mdev") || (name == "interface" && type == "vdpa") ||
           (name == "disk" && (type == "nvme" || type == "vhostvdpa"));
}

void add_pci_device(Reader& reader, std::string address, DomainFacts& facts)
{
    if (facts.pci_devices.size() == pci_devices_max) {
        reader.fail(Errc::limits_exceeded,
                    "more than " + std::to_string(pci_devices_max) + " PCI devices");
    } else {
        facts.pci_devices.push_back(std::move(address));
    }
}

// Mediated devices and vDPA; those behind which there is no device that can be named do not count.
void add_indirect_device(std::string_view name, std::string_view type, const pugi::xml_node& source,
                         DomainFacts& facts)
{
    constexpr std::size_t id_bytes_max = 128;
    const auto mediated = name == "hostdev" && type == "mdev";
    const auto vdpa = type == "vdpa" || type == "vhostvdpa";
    if (!mediated && !vdpa) {
        return;
    }
    std::string id = mediated ? source.child("address").attribute("uuid").value()
                              : source.attribute("dev").value();
    id.resize(std::min(id.size(), id_bytes_max));
    if (facts.indirect_devices.size() < pci_devices_max) {
        facts.indirect_devices.push_back(
            {.kind = mediated ? IndirectDevice::Kind::mediated : IndirectDevice::Kind::vdpa,
             .id = std::move(id),
             .parent = {}});
    }
}

// Those that an argument of QEMU's hands over.
void read_devices_of_arguments(Reader& reader, const pugi::xml_node& domain, DomainFacts& facts)
{
    auto devices = read_argument_devices(domain);
    facts.memory_locked = facts.memory_locked || devices.locks_memory || !devices.pci.empty() ||
                          !devices.others.empty();
    for (auto& address : devices.pci) {
        add_pci_device(reader, std::move(address), facts);
    }
    for (auto& device : devices.others) {
        if (facts.indirect_devices.size() < pci_devices_max) {
            facts.indirect_devices.push_back(std::move(device));
        }
    }
}

// Passthrough devices: <hostdev type='pci'>, <interface type='hostdev'> (a virtual function) and
// <disk type='nvme'>; not USB, which is not near any CPU.
void read_devices(Reader& reader, const pugi::xml_node& domain, DomainFacts& facts)
{
    for (const auto device : domain.child("devices").children()) {
        const std::string_view name = device.name();
        const std::string_view type = device.attribute("type").value();
        facts.memory_locked = facts.memory_locked || locks_memory(name, type);
        add_indirect_device(name, type, device.child("source"), facts);
        const auto is_pci = (name == "hostdev" && type == "pci") ||
                            (name == "interface" && type == "hostdev") ||
                            (name == "disk" && type == "nvme");
        if (!is_pci) {
            continue;
        }
        facts.memory_locked = true;
        const auto address = device.child("source").child("address");
        const std::string_view bus = address.attribute("type").as_string("pci");
        if (address && bus == "pci") {
            add_pci_device(reader, pci_address(reader, address), facts);
        }
    }
    read_devices_of_arguments(reader, domain, facts);
}

struct PageElement {
    std::uint64_t kib = 0;              // 0: the host's default size
    std::optional<IdSet<NodeId>> cells; // of the guest; nullopt: all that no other page names
};

std::vector<PageElement> read_pages(Reader& reader, const pugi::xml_node& hugepages)
{
    constexpr auto pages_max = guest_cells_max + 1; // one for each cell, and one for the others
    std::vector<PageElement> pages;
    for (const auto page : hugepages.children("page")) {
        if (pages.size() == pages_max) {
            reader.fail(Errc::limits_exceeded,
                        "more than " + std::to_string(pages_max) + " <page> of <hugepages>");
            break;
        }
        pages.push_back({.kib = reader.size_kib(page.attribute("size").value(),
                                                page.attribute("unit").value(), "page/@size"),
                         .cells = page.attribute("nodeset")
                                      ? std::optional{reader.id_set<NodeId>(page, "nodeset")}
                                      : std::nullopt});
    }
    return pages.empty() ? std::vector<PageElement>(1) : pages;
}

// The pages of one cell; nullopt: ordinary ones.
std::optional<std::uint64_t> pages_of_cell(const std::vector<PageElement>& pages,
                                           std::uint32_t cell)
{
    std::optional<std::uint64_t> of_others;
    for (const auto& page : pages) {
        if (!page.cells) {
            of_others = of_others ? of_others : page.kib;
        } else if (page.cells->contains(NodeId{cell})) {
            return page.kib;
        }
    }
    return of_others;
}

// The pages that most of the memory has, the largest of several: a domain counts for one kind. A
// guest without cells is one.
std::optional<std::uint64_t> read_hugepages(Reader& reader, const pugi::xml_node& hugepages,
                                            const std::vector<GuestCell>& cells)
{
    const auto pages = read_pages(reader, hugepages);
    std::map<std::optional<std::uint64_t>, std::uint64_t> memory;
    for (const auto& cell : cells) {
        memory[pages_of_cell(pages, cell.id)] += cell.memory_kib;
    }
    if (cells.empty()) {
        return pages_of_cell(pages, 0);
    }
    return std::max_element(memory.begin(), memory.end(),
                            [](const auto& a, const auto& b) {
                                return std::pair{a.second, a.first} < std::pair{b.second, b.first};
                            })
        ->first;
}

void read_memory(Reader& reader, const pugi::xml_node& domain, DomainFacts& facts)
{
    const auto memory = domain.child("memory");
    facts.memory_kib =
        reader.size_kib(trimmed_text(memory), memory.attribute("unit").value(), "<memory>");
    const auto backing = domain.child("memoryBacking");
    if (const auto hugepages = backing.child("hugepages")) {
        facts.hugepage_kib = read_hugepages(reader, hugepages, facts.cells);
        facts.memory_locked = true;
    }
    // The kernel pins what a guest that is encrypted has.
    const std::string_view secured = domain.child("launchSecurity").attribute("type").value();
    const auto encrypted = secured == "sev" || secured == "sev-snp" || secured == "tdx";
    facts.memory_locked = facts.memory_locked || backing.child("locked") || encrypted;
}

RunningDomain read_running(const pugi::xml_node& domain, const DomainFacts& facts, PinSet pins)
{
    RunningDomain running{.pins = std::move(pins), .note = read_undo_note(domain, facts)};
    const auto& policy = facts.metadata.content;
    running.has_policy = policy.has_value();
    if (policy && *policy) {
        running.policy = **policy;
    }
    return running;
}

} // namespace

Result<ObservedDomain> read_domain(const pugi::xml_node& domain, const PolicyCatalog& catalog,
                                   XmlKind kind)
{
    Reader reader;
    ObservedDomain seen;
    auto& facts = seen.facts;
    read_identity(reader, domain, facts);
    read_cpu_facts(reader, domain, facts);
    read_iothreads(reader, domain, facts);
    read_memory(reader, domain, facts);
    read_devices(reader, domain, facts);
    facts.metadata = read_policy_metadata(domain, catalog);
    auto pins = read_pins(reader, domain);
    if (kind == XmlKind::live && facts.active()) {
        seen.running = read_running(domain, facts, std::move(pins));
    } else {
        auto cpus = read_cpu_definition(reader, domain, facts);
        cpus.parts.merge(pin_parts(pins));
        seen.definition = {.pins = std::move(pins),
                           .cpus = std::move(cpus),
                           .iothreads = std::nullopt,
                           .note = read_undo_note(domain, facts),
                           .details = read_guest_details(domain)};
    }
    if (reader.error()) {
        return Error{*reader.error()}.failed_to("read the XML of domain " + in_quotes(facts.name));
    }
    return seen;
}

Result<ObservedDomain> parse_domain_xml(std::string_view text, const PolicyCatalog& catalog,
                                        XmlKind kind)
{
    pugi::xml_document document;
    const auto domain = load_domain(document, text);
    return domain ? read_domain(*domain, catalog, kind) : domain.error();
}

} // namespace virtpind
