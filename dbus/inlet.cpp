// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/inlet.hpp"

#include "dbus/boundary.hpp"
#include "dbus/return_address.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace virtpind::bus {

namespace {

bool comes_later(ssize_t got)
{
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

// Nothing more will come.
bool has_hung_up(int fd)
{
    pollfd socket{.fd = fd, .events = POLLRDHUP, .revents = 0};
    return poll(&socket, 1, 0) > 0 && socket.revents != 0;
}

// The first of `bytes`, of that size. What its head allows is known only when all of it is there;
// until then, the most that any may have.
bool is_too_large(std::string_view bytes, const MessageSize& size)
{
    if (!size.too_large()) {
        return false;
    }
    const auto has_head = bytes.size() >= MessageSize::head_bytes + std::size_t{size.fields};
    return size.too_large(has_head ? RawHead::read(bytes.substr(0, size.all)).body_max_of()
                                   : body_with_xml_max);
}

} // namespace

Inlet::Inlet(sd_bus* bus, int fd, Unwanted unwanted)
    : bus_{bus}, fd_{fd}, unwanted_{std::move(unwanted)}, piece_(piece_bytes, '\0')
{
    put_mark(0);
}

// The kernel keeps, for us, where what we have not looked at begins: SO_PEEK_OFF counts from what
// is next to be read, and comes nearer as libsystemd reads. At 0 a message begins.
void Inlet::put_mark(std::uint64_t offset)
{
    const auto at = static_cast<int>(offset);
    watches_ = setsockopt(fd_, SOL_SOCKET, SO_PEEK_OFF, &at, sizeof at) == 0;
}

int Inlet::mark() const
{
    int offset = 0;
    socklen_t size = sizeof offset;
    return getsockopt(fd_, SOL_SOCKET, SO_PEEK_OFF, &offset, &size) == 0 ? offset : 0;
}

Inlet::Next Inlet::look()
{
    if (!watches_) {
        return Next::message;
    }
    if (left_ > 0) {
        return throw_away();
    }
    return mark() > 0 ? Next::message : look_ahead();
}

Inlet::Next Inlet::look_ahead()
{
    const auto got = recv(fd_, piece_.data(), piece_.size(), MSG_PEEK | MSG_DONTWAIT);
    put_mark(0);
    if (got < static_cast<ssize_t>(MessageSize::head_bytes)) {
        // A part of a head is as good as none, as long as the rest may come; an end or a failure,
        // libsystemd finds as well.
        return (got > 0 && !has_hung_up(fd_)) || comes_later(got) ? Next::nothing : Next::message;
    }
    const std::string_view bytes{piece_.data(), static_cast<std::size_t>(got)};
    const auto first = MessageSize::read(bytes);
    if (is_too_large(bytes, first)) {
        left_ = first.all;
        tells_ = true;
        begin_.clear();
        return throw_away();
    }
    if (const auto unwanted = unwanted_at_begin(bytes); unwanted > 0) {
        left_ = unwanted;
        tells_ = false;
        return throw_away();
    }
    put_mark(wanted_at_begin(bytes));
    return Next::message;
}

// Of messages that are there from the first to the last byte.
std::uint64_t Inlet::unwanted_at_begin(std::string_view bytes) const
{
    std::uint64_t unwanted = 0;
    while (bytes.size() >= MessageSize::head_bytes) {
        const auto size = MessageSize::read(bytes);
        if (is_too_large(bytes, size) || size.all > bytes.size() ||
            !unwanted_(RawHead::read(bytes.substr(0, size.all)))) {
            break;
        }
        unwanted += size.all;
        bytes.remove_prefix(size.all);
    }
    return unwanted;
}

// Of the first message, and of those behind it that are as good; the last may not be there to its
// end. What is unwanted behind a call that expects no answer shows when that one was read.
// Precondition: the first is neither too large nor unwanted.
std::uint64_t Inlet::wanted_at_begin(std::string_view bytes) const
{
    std::uint64_t wanted = 0;
    while (bytes.size() >= MessageSize::head_bytes) {
        const auto size = MessageSize::read(bytes);
        const auto whole = size.all <= bytes.size();
        const auto head = RawHead::read(bytes.substr(0, size.all));
        if (wanted > 0 && (is_too_large(bytes, size) || !whole || unwanted_(head))) {
            break;
        }
        wanted += size.all;
        if (!whole || (head.is_call && !head.expects_answer)) {
            break;
        }
        bytes.remove_prefix(size.all);
    }
    return wanted;
}

Inlet::Next Inlet::throw_away()
{
    const auto got =
        recv(fd_, piece_.data(), std::min<std::uint64_t>(piece_.size(), left_), MSG_DONTWAIT);
    if (got <= 0) {
        if (comes_later(got)) {
            return Next::nothing;
        }
        left_ = 0;
        return Next::message; // the end
    }
    left_ -= static_cast<std::uint64_t>(got);
    if (tells_) {
        begin_.append(piece_, 0,
                      std::min(begin_bytes - begin_.size(), static_cast<std::size_t>(got)));
        if (left_ == 0) {
            tell_sender();
        }
    }
    return Next::throwing_away;
}

void Inlet::tell_sender() const
{
    contained([this] {
        const auto head = RawHead::read(begin_);
        if (!head.expects_answer || head.sender.empty()) {
            return;
        }
        const Error why{.code = Errc::limits_exceeded,
                        .message = "the call has " + std::to_string(MessageSize::read(begin_).all) +
                                   " bytes; at most " + std::to_string(header_fields_max) +
                                   " in its header and " + std::to_string(head.body_max_of()) +
                                   " in its arguments are accepted"};
        ReturnAddress{std::string{head.sender}, head.serial, true}.fail(bus_, to_bus_error(why));
    });
}

} // namespace virtpind::bus
