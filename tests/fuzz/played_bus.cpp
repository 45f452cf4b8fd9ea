// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/fuzz/played_bus.hpp"

#include "dbus/raw_head.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace virtpind::fuzz {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* driver = "org.freedesktop.DBus";
constexpr const char* domain_uuid = "1b4e28ba-2fa1-11d2-883f-0016d3cca427";

[[noreturn]] void die(const char* what)
{
    std::perror(what);
    std::abort();
}

std::string number(std::uint32_t value)
{
    std::string bytes(4, '\0');
    std::memcpy(bytes.data(), &value, 4); // fuzzers run on little-endian machines
    return bytes;
}

void align(std::string& bytes, std::size_t to)
{
    bytes.resize((bytes.size() + to - 1) / to * to, '\0');
}

std::string text(std::string_view value)
{
    return number(static_cast<std::uint32_t>(value.size())) + std::string{value} + '\0';
}

void add_field(std::string& fields, char code, char type, std::string_view value)
{
    if (value.empty()) {
        return;
    }
    align(fields, 8);
    fields += {code, '\1', type, '\0'};
    fields += type == 'u'   ? std::string{value}
              : type == 'g' ? static_cast<char>(value.size()) + std::string{value} + '\0'
                            : text(value);
}

// Answers everything at once.
class Port final : public ControlPort {
public:
    [[nodiscard]] Result<DomainUuid> find_domain(std::string_view name) const override
    {
        if (name == "web1" || name == domain_uuid) {
            return DomainUuid{domain_uuid};
        }
        return Error{.code = Errc::not_found, .message = "no such domain"};
    }

    void set_policy(SetPolicyRequest /*request*/, Reply<std::uint64_t> reply) override
    {
        reply(std::uint64_t{1});
    }

    void reset_policy(DomainUuid /*uuid*/, std::uint64_t /*flags*/, Caller /*caller*/,
                      Reply<std::uint64_t> reply) override
    {
        reply(std::uint64_t{2});
    }

    void reapply(std::optional<DomainUuid> /*uuid*/, std::uint64_t /*flags*/,
                 Reply<std::uint64_t> reply) override
    {
        reply(std::uint64_t{3});
    }

    void plan(SetPolicyRequest /*request*/, DefinitionScope /*scope*/,
              Reply<std::string> reply) override
    {
        reply(std::string{"{}"});
    }

    void plan_guest(std::string /*xml*/, const std::string& /*policy*/, OptionMap /*options*/,
                    const Caller& /*caller*/, Reply<std::string> reply) override
    {
        reply(std::string{"{}"});
    }

    void hold(const DomainUuid& /*uuid*/, const std::string& /*reason*/,
              const std::string& /*owner*/, Reply<std::uint64_t> reply) override
    {
        reply(std::uint64_t{4});
    }

    [[nodiscard]] std::optional<DomainUuid> held_under(std::uint64_t /*cookie*/) const override
    {
        return std::nullopt;
    }

    [[nodiscard]] Result<void> release(std::uint64_t /*cookie*/,
                                       const std::string& /*owner*/) override
    {
        return {};
    }

    void owner_vanished(const std::string& /*owner*/) override {}

    [[nodiscard]] Result<void> reload() override { return {}; }

    [[nodiscard]] std::string describe() const override { return "{}"; }

    [[nodiscard]] Result<std::string> explain(const DomainUuid& /*uuid*/) const override
    {
        return std::string{"{}"};
    }

    void doctor(std::optional<DomainUuid> /*uuid*/, const Caller& /*caller*/,
                Reply<std::string> reply) override
    {
        reply(std::string{"{}"});
    }

    [[nodiscard]] Result<std::vector<ReasonView>> why(const DomainUuid& /*uuid*/) const override
    {
        return std::vector<ReasonView>{
            {.level = "good", .code = "fits-one-l3", .text = "It fits."}};
    }

    void export_topology(std::uint64_t /*flags*/, const Caller& /*caller*/,
                         Reply<std::string> reply) override
    {
        reply(Error{.code = Errc::host_unavailable, .message = "not here"});
    }
};

// What the bus, or polkit, answers to that call of the service: type and body.
std::pair<std::string_view, std::string> answer_to(const bus::RawHead& call)
{
    if (call.member == "Hello") {
        return {"s", text(":1.1")};
    }
    if (call.member == "RequestName") {
        return {"u", number(1)};
    }
    if (call.member == "GetConnectionUnixUser") {
        static std::uint32_t users = 0;
        return {"u", number(++users % 3 == 0 ? 0 : 1000 + users % 3)};
    }
    if (call.member == "CheckAuthorization") {
        return {"(bba{ss})", number(0) + number(0) + number(0) + number(0)};
    }
    return {"", ""};
}

} // namespace

std::string PlayedBus::message(const Parts& parts)
{
    std::string fields;
    const auto is_answer = parts.type == 2 || parts.type == 3;
    add_field(fields, 1, 'o', is_answer ? std::string_view{} : parts.path);
    add_field(fields, 2, 's', is_answer ? std::string_view{} : parts.interface);
    add_field(fields, 3, 's', is_answer ? std::string_view{} : parts.member);
    add_field(fields, 4, 's', parts.type == 3 ? "a.b.Error" : "");
    add_field(fields, 5, 'u', is_answer ? number(parts.answers) : std::string{});
    add_field(fields, 6, 's', ":1.1");
    add_field(fields, 7, 's', parts.sender);
    add_field(fields, 8, 'g', parts.signature);
    std::string bytes{'l', static_cast<char>(parts.type), static_cast<char>(parts.flags), '\1'};
    bytes += number(static_cast<std::uint32_t>(parts.body.size())) + number(parts.serial) +
             number(static_cast<std::uint32_t>(fields.size())) + fields;
    align(bytes, 8);
    return bytes.append(parts.body);
}

PlayedBus::PlayedBus() : port_{std::make_unique<Port>()}
{
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const auto name = "virtpind-fuzz-" + std::to_string(getpid());
    std::memcpy(address.sun_path + 1, name.data(), name.size()); // an abstract one
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), size) < 0 ||
        listen(listener, 1) < 0 || sd_event_new(&event_) < 0) {
        die("cannot play a bus");
    }
    setenv("DBUS_SESSION_BUS_ADDRESS", ("unix:abstract=" + name).c_str(), 1);
    std::thread greeter{[this, listener] { greet(listener); }};
    auto created = bus::Service::create(event_, bus::BusKind::session, *port_, {});
    ::shutdown(listener, SHUT_RDWR);
    greeter.join();
    close(listener);
    if (!created) {
        die(created.error().message.c_str());
    }
    service_ = std::move(*created);
    DomainView domain;
    domain.uuid = DomainUuid{domain_uuid};
    domain.name = "web1";
    service_->publish({}, {domain});
    work(0);
}

PlayedBus::~PlayedBus()
{
    service_.reset();
    sd_event_unref(event_);
    close(socket_);
}

// The service waits for these answers as it starts; the last is that the name is its own.
void PlayedBus::greet(int listener)
{
    socket_ = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    std::string said;
    char byte = 0;
    while (said.find("BEGIN\r\n") == std::string::npos && read(socket_, &byte, 1) == 1) {
        said += byte;
    }
    constexpr std::string_view welcome{
        "DATA\r\nOK 0123456789abcdef0123456789abcdef\r\nAGREE_UNIX_FD\r\n"};
    if (write(socket_, welcome.data(), welcome.size()) < 0) {
        die("cannot greet");
    }
    while (pings_ == 0) {
        pollfd waits{.fd = socket_, .events = POLLIN, .revents = 0};
        if (poll(&waits, 1, 10'000) <= 0 || !hear()) {
            die("the service does not start");
        }
    }
}

// Reads what the service has sent, and answers it; false: nothing more is to come.
bool PlayedBus::hear()
{
    char piece[65536];
    const auto got = recv(socket_, piece, sizeof piece, MSG_DONTWAIT);
    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    heard_.append(piece, static_cast<std::size_t>(got));
    while (heard_.size() >= bus::MessageSize::head_bytes) {
        const auto size = bus::MessageSize::read(heard_).all;
        if (size > heard_.size()) {
            break;
        }
        answer(std::string_view{heard_}.substr(0, size));
        heard_.erase(0, size);
    }
    return true;
}

void PlayedBus::answer(std::string_view heard)
{
    const auto head = bus::RawHead::read(heard);
    if (!head.is_call) {
        const auto to = std::string{"\5\1u\0", 4} + number(waits_for_);
        pings_ += waits_for_ != 0 && heard.find(to) != std::string_view::npos ? 1U : 0U;
        return;
    }
    if (!head.expects_answer) {
        return;
    }
    const auto [signature, body] = answer_to(head);
    const auto bytes = message({.type = 2,
                                .flags = 1,
                                .serial = ++serial_,
                                .answers = head.serial,
                                .path = {},
                                .interface = {},
                                .member = {},
                                .sender = driver,
                                .signature = signature,
                                .body = body});
    if (::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
        sound_ = false;
    }
    pings_ += head.member == "RequestName" ? 1U : 0U;
}

// Until the service has nothing to do for so long.
void PlayedBus::work(std::uint64_t at_most_usec)
{
    while (sound_) {
        const int r = sd_event_run(event_, at_most_usec);
        if (r < 0 || !hear()) {
            sound_ = false;
        } else if (r == 0) {
            return;
        }
    }
}

void PlayedBus::send(std::string_view bytes)
{
    while (sound_ && !bytes.empty()) {
        const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            sound_ = false;
        }
        work(0);
    }
}

bool PlayedBus::answers()
{
    pings_ = 0;
    waits_for_ = ++serial_;
    send(message({.type = 1,
                  .flags = 0,
                  .serial = waits_for_,
                  .answers = 0,
                  .path = "/org/virtpind1",
                  .interface = "org.freedesktop.DBus.Peer",
                  .member = "Ping",
                  .sender = ":1.77",
                  .signature = {},
                  .body = {}}));
    const auto deadline = Clock::now() + std::chrono::seconds{10};
    while (sound_ && pings_ == 0 && Clock::now() < deadline) {
        work(1000);
    }
    return pings_ > 0;
}

} // namespace virtpind::fuzz
