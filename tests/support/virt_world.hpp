// SPDX-License-Identifier: LGPL-2.1-or-later
// A QEMU driver in memory behind libvirt's own C functions (fake_connection.cpp and
// fake_domains.cpp define them, fake_files.cpp fsync(), rename() and unlink(), in the place of
// libvirt's and libc's), so that the real adapter runs on
// it: definitions are XML, written anew in libvirt's way each time. At any call the daemon can be
// killed, the call refused, its answer lost, or somebody else be quicker.
#pragma once

#include "tests/support/virt_definition.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace virtpind::test {

// Thrown out of the call at which the daemon dies.
struct Killed {};

// What a call is about.
enum class Kind { look, live, definition, metadata, file };

struct Fault {
    enum class What {
        none,
        kill_before,  // the daemon, before the call does anything
        kill_after,   // when all is done
        refuse,       // an error, and nothing was done
        fail_late,    // an error, and all was done
        lose,         // the connection, before; all calls fail then, until there is another
        lose_late,    // after
        be_overtaken, // `meanwhile` runs before the call
    } what = What::none;
    unsigned first = 0;   // of the calls that count, from 1
    unsigned count = 1;   // so many calls in a row meet it
    std::set<Kind> kinds; // which count
    std::function<void()> meanwhile;
};

class VirtWorld {
public:
    std::map<std::string, Guest> guests; // by UUID
    Fault fault;
    bool lost = false;    // the connection
    unsigned changes = 0; // calls that changed something, files included
    bool dying = false;   // where no exception may pass

    // Told of each change of a definition, by whomever, before the call returns: what libvirt's
    // events of the lifecycle say.
    enum class Event { added, updated, removed };
    std::function<void(const std::string& uuid, Event event)> on_definition;

    // --- what others do ---------------------------------------------------------------------
    // To another name; one that runs keeps its own.
    void rename(const std::string& uuid, const std::string& name);
    void define(const std::string& xml);
    void undefine(const std::string& uuid);
    void start(const std::string& uuid);
    void stop(const std::string& uuid);
    void plug(const std::string& uuid);
    // `part` is one of "vcpu" (0), "emulator", "iothread" (1).
    void pin_config(const std::string& uuid, std::string_view part, const std::string& cpus);
    void pin_live(const std::string& uuid, std::string_view part, const std::string& cpus);

    // Of the thread `id`, if the part has several.
    static void pin(Definition& definition, std::string_view part, unsigned id,
                    const std::string& cpus);

    // --- for the calls ----------------------------------------------------------------------
    [[nodiscard]] Fault::What meet(Kind kind);
    Result<void> take_definition(const std::string& xml);

private:
    void tell(const std::string& uuid, Event event) const;
    void note_theirs(Guest& guest);

    int last_id_ = 0;
    // Of guests that are gone: one that is defined anew between two looks cannot be told from one
    // that was edited, so what it gets back may be of before.
    std::map<std::string, std::map<std::string, std::set<std::string>>> former_;
};

VirtWorld& virt_world();

} // namespace virtpind::test
