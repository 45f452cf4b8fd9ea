// SPDX-License-Identifier: LGPL-2.1-or-later
#include "legacy_tray.hpp"

#include <xcb/xcb.h>

#include <QGuiApplication>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace virtpind::tray {

namespace {

struct FreeReply {
    void operator()(void* reply) const { std::free(reply); }
};

template <class T>
using XcbReply = std::unique_ptr<T, FreeReply>;

} // namespace

bool may_have_legacy_tray()
{
    return qGuiApp->nativeInterface<QNativeInterface::QX11Application>() != nullptr;
}

bool has_legacy_tray()
{
    const auto* x11 = qGuiApp->nativeInterface<QNativeInterface::QX11Application>();
    auto* connection = x11 != nullptr ? x11->connection() : nullptr;
    if (connection == nullptr) {
        return false;
    }
    constexpr std::string_view name = "_NET_SYSTEM_TRAY_S0"; // Qt, too, asks for that screen only
    const XcbReply<xcb_intern_atom_reply_t> atom{xcb_intern_atom_reply(
        connection,
        xcb_intern_atom(connection, 1, static_cast<std::uint16_t>(name.size()), name.data()),
        nullptr)};
    if (!atom || atom->atom == XCB_ATOM_NONE) {
        return false;
    }
    const XcbReply<xcb_get_selection_owner_reply_t> owner{xcb_get_selection_owner_reply(
        connection, xcb_get_selection_owner(connection, atom->atom), nullptr)};
    return owner && owner->owner != XCB_WINDOW_NONE;
}

} // namespace virtpind::tray
