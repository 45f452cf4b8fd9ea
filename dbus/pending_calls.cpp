// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/pending_calls.hpp"

namespace virtpind::bus {

int append(sd_bus_message* answer, std::uint64_t number)
{
    return sd_bus_message_append_basic(answer, 't', &number);
}

int append(sd_bus_message* answer, const std::string& text)
{
    return sd_bus_message_append_basic(answer, 's', text.c_str());
}

int append(sd_bus_message* answer, const std::vector<DomainRow>& rows)
{
    int r = sd_bus_message_open_container(answer, 'a', "(sssso)");
    for (const auto& row : rows) {
        if (r < 0) {
            return r;
        }
        r = sd_bus_message_append(answer, "(sssso)", row.get<0>().c_str(), row.get<1>().c_str(),
                                  row.get<2>().c_str(), row.get<3>().c_str(), row.get<4>().c_str());
    }
    return r < 0 ? r : sd_bus_message_close_container(answer);
}

int append(sd_bus_message* answer, const std::vector<ReasonRow>& rows)
{
    int r = sd_bus_message_open_container(answer, 'a', "(sss)");
    for (const auto& row : rows) {
        if (r < 0) {
            return r;
        }
        r = sd_bus_message_append(answer, "(sss)", row.get<0>().c_str(), row.get<1>().c_str(),
                                  row.get<2>().c_str());
    }
    return r < 0 ? r : sd_bus_message_close_container(answer);
}

int append(sd_bus_message* answer, const std::vector<ListRow>& rows)
{
    int r = sd_bus_message_open_container(answer, 'a', "(osssssbs)");
    for (const auto& row : rows) {
        if (r < 0) {
            return r;
        }
        r = sd_bus_message_append(answer, "(osssssbs)", row.get<0>().c_str(), row.get<1>().c_str(),
                                  row.get<2>().c_str(), row.get<3>().c_str(), row.get<4>().c_str(),
                                  row.get<5>().c_str(), row.get<6>() ? 1 : 0, row.get<7>().c_str());
    }
    return r < 0 ? r : sd_bus_message_close_container(answer);
}

} // namespace virtpind::bus
