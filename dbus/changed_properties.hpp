// SPDX-License-Identifier: LGPL-2.1-or-later
// Collects the names of the properties that differ between two views of an object.
#pragma once

#include "dbus/sdbus_compat.hpp"

#include <vector>

namespace virtpind::bus {

class ChangedProperties {
public:
    template <class T>
    void compare(const char* name, const T& before, const T& after)
    {
        if (!(before == after)) {
            names_.emplace_back(name);
        }
    }

    // Sends one PropertiesChanged for all of them, or none when nothing changed. The getters of the
    // object must already return the new values.
    void announce(sdbus::IObject& object, const char* interface) const
    {
        if (!names_.empty()) {
            object.emitPropertiesChangedSignal(interface, names_);
        }
    }

private:
    std::vector<PropertyName> names_;
};

} // namespace virtpind::bus
