// SPDX-License-Identifier: LGPL-2.1-or-later
// What happens to one definition while we write it. virDomainDefineXML defines a domain anew that
// somebody undefined a moment before: only libvirt's events tell that from a change.
#pragma once

#include "common/base/ids.hpp"
#include "common/base/result.hpp"

#include <libvirt/libvirt.h>

#include <memory>
#include <vector>

namespace virtpind {

// Of the persistent definition, as libvirt's lifecycle events say. A rename is none of these: the
// definition stays, and ours is refused.
enum class DefinitionEvent { added, updated, removed };

// Whether the domain is there only because we wrote its definition: somebody undefined it after we
// had read it, and nobody but us has defined it since. `heard`: all since that reading, ours
// included, in order. Pure.
[[nodiscard]] bool is_raised(const std::vector<DefinitionEvent>& heard);

// Listens on a connection. Made, asked and ended on the thread that makes the calls; libvirt's
// events come on their own.
class DefinitionWatch {
public:
    // Hears nothing where libvirt has no event loop or its driver no such events.
    explicit DefinitionWatch(virConnectPtr connection);
    // Before the connection is closed.
    ~DefinitionWatch();

    DefinitionWatch(const DefinitionWatch&) = delete;
    DefinitionWatch& operator=(const DefinitionWatch&) = delete;

    // From here on, until the next one.
    void begin(const DomainUuid& uuid);

    // When a definition was accepted: whether that raised the domain. The event of it comes within
    // a millisecond or two; a libvirt that does not send it within two seconds is not waited for
    // again. Events come in their order, so where it looks like it, one more is caused by removing
    // a piece of metadata that is not there: what others did before has been heard then, too.
    // Error timed_out: that did not come.
    [[nodiscard]] Result<bool> has_raised(virDomainPtr domain);

    // Whether somebody else wrote the definition, too, as far as was heard by now. Where it says
    // what we wrote all the same, theirs came first, and is lost unless we had read it.
    [[nodiscard]] bool heard_others() const;

private:
    struct State;

    virConnectPtr connection_; // borrowed
    std::shared_ptr<State> state_;
    std::vector<int> callbacks_;
};

} // namespace virtpind
