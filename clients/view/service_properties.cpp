// SPDX-License-Identifier: LGPL-2.1-or-later
#include "service_properties.hpp"

#include "common/base/uuid.hpp"

#include <algorithm>

namespace virtpind::client {

std::string uuid_of_path(const std::string& path)
{
    auto element = path.substr(path.rfind('/') + 1);
    element.erase(0, element.rfind('_', 0) == 0 ? 1 : 0);
    std::replace(element.begin(), element.end(), '_', '-');
    const auto uuid = parse_uuid(element);
    return uuid ? uuid->str() : "";
}

} // namespace virtpind::client
