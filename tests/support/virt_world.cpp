// SPDX-License-Identifier: LGPL-2.1-or-later
#include "virt_world.hpp"

#include <libvirt/virterror.h>

#include <utility>

namespace virtpind::test {

// ---- what others do ---------------------------------------------------------------------------

Result<void> VirtWorld::take_definition(const std::string& xml)
{
    auto made = parse_definition(xml);
    if (!made) {
        return std::move(made).error();
    }
    const auto known = guests.find(made->uuid);
    if (known != guests.end() && known->second.config && known->second.config->name != made->name) {
        return Error{.message = "it is defined already, under another name",
                     .native_code = VIR_ERR_OPERATION_FAILED};
    }
    const auto uuid = made->uuid;
    auto& guest = guests[uuid];
    const auto is_new = !guest.config;
    guest.config = std::move(*made);
    tell(uuid, is_new ? Event::added : Event::updated);
    return {};
}

void VirtWorld::tell(const std::string& uuid, Event event) const
{
    if (on_definition) {
        on_definition(uuid, event);
    }
}

void VirtWorld::rename(const std::string& uuid, const std::string& name)
{
    const auto at = guests.find(uuid);
    if (at != guests.end() && at->second.config && !at->second.live) {
        at->second.config->name = name;
    }
}

void VirtWorld::note_theirs(Guest& guest)
{
    const auto parts = definition_parts(*guest.config);
    for (auto& [part, values] : guest.theirs) {
        if (parts.count(part) == 0) {
            values.insert("");
        }
    }
    for (const auto& [part, value] : parts) {
        auto [at, is_new] = guest.theirs.try_emplace(part);
        if (is_new) {
            at->second.insert(""); // it was not there before
        }
        at->second.insert(value);
    }
}

void VirtWorld::define(const std::string& xml)
{
    const auto made = parse_definition(xml);
    const auto fresh = guests.count(made->uuid) == 0;
    [[maybe_unused]] const auto taken = take_definition(xml);
    auto& guest = guests.at(made->uuid);
    const auto former = former_.find(made->uuid);
    if (fresh && former != former_.end()) {
        guest.theirs = former->second;
    }
    if (fresh && former == former_.end()) {
        for (const auto& [part, value] : definition_parts(*guest.config)) {
            guest.theirs[part].insert(value);
        }
    } else {
        note_theirs(guest);
    }
}

void VirtWorld::undefine(const std::string& uuid)
{
    const auto at = guests.find(uuid);
    if (at == guests.end()) {
        return;
    }
    const auto was_there = at->second.config.has_value();
    at->second.config.reset();
    if (!at->second.live) {
        former_[uuid] = at->second.theirs;
        guests.erase(at);
    }
    if (was_there) {
        tell(uuid, Event::removed);
    }
}

void VirtWorld::start(const std::string& uuid)
{
    const auto at = guests.find(uuid);
    if (at == guests.end() || at->second.live) {
        return;
    }
    auto& guest = at->second;
    guest.live = guest.config;
    guest.id = ++last_id_;
    guest.online = boot_vcpus(*guest.live);
    guest.theirs_live.clear();
}

void VirtWorld::stop(const std::string& uuid)
{
    const auto at = guests.find(uuid);
    if (at == guests.end() || !at->second.live) {
        return;
    }
    at->second.live.reset();
    if (!at->second.config) {
        former_[uuid] = at->second.theirs;
        guests.erase(at);
    }
}

void VirtWorld::plug(const std::string& uuid)
{
    const auto at = guests.find(uuid);
    if (at == guests.end() || !at->second.live) {
        return;
    }
    for (unsigned id = 0; id < at->second.live->vcpus; ++id) {
        if (at->second.online.insert(id).second) {
            return;
        }
    }
}

void VirtWorld::pin_config(const std::string& uuid, std::string_view part, const std::string& cpus)
{
    const auto at = guests.find(uuid);
    if (at == guests.end() || !at->second.config) {
        return;
    }
    auto& guest = at->second;
    const auto was = definition_parts(*guest.config);
    pin(*guest.config, part, part == "iothread" ? 1 : 0, cpus);
    // Only what this changed is theirs: the rest may be ours.
    for (const auto& [name, value] : definition_parts(*guest.config)) {
        if (const auto before = was.find(name); before == was.end() || before->second != value) {
            if (guest.theirs.count(name) == 0) {
                guest.theirs[name].insert("");
            }
            guest.theirs[name].insert(value);
        }
    }
    if (part == "iothread") { // which goes with it
        guest.theirs["iothreadids"].insert({"", "listed"});
    }
}

void VirtWorld::pin_live(const std::string& uuid, std::string_view part, const std::string& cpus)
{
    const auto at = guests.find(uuid);
    if (at == guests.end() || !at->second.live) {
        return;
    }
    pin(*at->second.live, part, part == "iothread" ? 1 : 0, cpus);
    at->second.theirs_live[std::string{part}].insert(cpus);
}

void VirtWorld::pin(Definition& definition, std::string_view part, unsigned id,
                    const std::string& cpus)
{
    if (part == "vcpu") {
        definition.vcpupins[id] = cpus;
    } else if (part == "emulator") {
        definition.emulatorpin = cpus;
    } else {
        definition.iothreadpins[id] = cpus;
        definition.iothreads_listed = true;
    }
}

// ---- faults -----------------------------------------------------------------------------------

Fault::What VirtWorld::meet(Kind kind)
{
    if (std::exchange(dying, false)) {
        throw Killed{};
    }
    if (fault.what == Fault::What::none || fault.kinds.count(kind) == 0) {
        return Fault::What::none;
    }
    if (fault.first > 1) {
        --fault.first;
        return Fault::What::none;
    }
    const auto what = fault.what;
    if (--fault.count == 0) {
        fault.what = Fault::What::none;
    }
    if (what == Fault::What::be_overtaken) {
        fault.meanwhile();
        return Fault::What::none;
    }
    return what;
}

VirtWorld& virt_world()
{
    static VirtWorld world;
    return world;
}

} // namespace virtpind::test
