// SPDX-License-Identifier: LGPL-2.1-or-later
#include "words.hpp"

#include "clients/view/guest_state.hpp"
#include "clients/view/look.hpp"
#include "shown_text.hpp"

#include <QLocale>
#include <QStringList>
#include <algorithm>

namespace virtpind::tray {

namespace {

QString cpus_of(const CpuSet& cpus)
{
    constexpr qsizetype list_max = 64;
    return shown(client::cpus_text(cpus), list_max);
}

QString mark_of(client::Mark mark)
{
    const auto text = client::mark_text(mark, client::Look{});
    return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

} // namespace

QString Words::health(const TrayModel& model)
{
    switch (model.health()) {
    case Health::connecting:
        return tr("virtpind: looking for the service");
    case Health::no_bus:
        return tr("virtpind: the message bus is gone");
    case Health::no_service:
        return tr("virtpind is not running");
    case Health::refused:
        return tr("virtpind: access is denied");
    case Health::unreadable:
        return tr("virtpind: the service answers what this applet does not understand");
    case Health::starting:
        return tr("virtpind is starting");
    case Health::libvirt_waiting:
        return tr("virtpind is waiting for libvirt");
    case Health::libvirt_gone:
        return tr("virtpind cannot reach libvirt");
    case Health::stopping:
        return tr("virtpind is stopping");
    case Health::held:
        return tr("virtpind: pinning of %n guest(s) is paused", nullptr, model.count_held());
    case Health::not_as_asked:
        return tr("virtpind: %n guest(s) not as asked", nullptr, model.count_not_as_asked());
    case Health::as_asked:
        break;
    }
    return tr("virtpind: everything is as asked");
}

QString Words::health_at_length(const TrayModel& model)
{
    const auto text = health(model);
    switch (model.health()) {
    case Health::no_service:
        return tr("%1; it is started by: %2").arg(text, QStringLiteral("systemctl start virtpind"));
    case Health::no_bus:
    case Health::refused:
    case Health::unreadable:
        return model.why().isEmpty() ? text : tr("%1: %2").arg(text, shown(model.why()));
    default:
        return text;
    }
}

QString Words::host(const TrayModel& model)
{
    const auto& service = model.snapshot().service;
    QStringList parts;
    if (const auto* layout = model.layout()) {
        const auto cores = tr("%n core(s)", nullptr, static_cast<int>(layout->cores.size()));
        parts << (layout->l3s.empty()
                      ? cores
                      : tr("%1, %2").arg(
                            cores, tr("%n L3(s)", nullptr, static_cast<int>(layout->l3s.size()))));
    }
    parts << tr("host %1").arg(cpus_of(service.housekeeping));
    parts << tr("pool %1").arg(cpus_of(service.pool));
    return parts.join(QStringLiteral(" · "));
}

QString Words::guest_place(const client::Guest& guest)
{
    const auto state = client::state_of(guest);
    const auto& word = state.word;
    const auto count = static_cast<int>(guest.vcpus.size());
    const auto cpus = guest.vcpu_cpus();
    if (word == "pinned") {
        return cpus.empty() ? tr("pinned")
                            : tr("%n vCPU(s) on %1", nullptr, count).arg(cpus_of(cpus));
    }
    if (word == "floats") {
        return cpus.empty()
                   ? tr("%1, floats").arg(shown(guest.policy, name_max))
                   : tr("%1, floats on %2").arg(shown(guest.policy, name_max), cpus_of(cpus));
    }
    if (word == "partly pinned") {
        return tr("partly pinned");
    }
    if (word == "failed") {
        return tr("not pinned, it failed");
    }
    if (word == "held") {
        return tr("pinning is paused");
    }
    if (word == "foreign") {
        return tr("pinned by someone else");
    }
    if (word == "applying") {
        return tr("is being pinned");
    }
    if (word == "off") {
        return tr("off");
    }
    if (word == "left alone") {
        return tr("left alone");
    }
    return word == "waits" ? tr("waits for its next start") : shown(word, name_max);
}

QString Words::guest_title(const client::Guest& guest)
{
    return mark_of(client::state_of(guest).mark) + u' ' + shown(guest.name, name_max) +
           QStringLiteral("   ") + guest_place(guest);
}

QString Words::shortfall(const client::Guest& guest)
{
    const auto is_short = !client::is_as_asked(guest);
    return is_short ? shown(client::why_not(guest)) : QString{};
}

QString Words::holds(const client::Guest& guest)
{
    QStringList lines;
    for (const auto& hold : guest.holds) {
        lines << tr("paused: %1").arg(shown(hold.reason));
    }
    return lines.join(u'\n');
}

QString Words::policy(const std::string& name)
{
    const auto meaning = name == "dedicated"     ? tr("CPUs of its own")
                         : name == "passthrough" ? tr("whole cores, and the guest knows them")
                         : name == "shared"      ? tr("floats on the pool")
                         : name == "auto"        ? tr("virtpind chooses")
                         : name == "none"        ? tr("virtpind leaves it alone")
                                                 : QString{};
    const auto told = shown(name, name_max);
    return meaning.isEmpty() ? told : told + QStringLiteral("   ") + meaning;
}

QString Words::frame(const client::SceneFrame& frame)
{
    using Kind = client::SceneFrame::Kind;
    const auto size =
        frame.size_kib == 0
            ? QString{}
            : QStringLiteral("  ") +
                  QLocale{}.formattedDataSize(static_cast<qint64>(std::min<std::uint64_t>(
                                                  frame.size_kib, std::uint64_t{1} << 40U)) *
                                                  1024,
                                              0);
    const auto number = QString::number(frame.number);
    switch (frame.kind) {
    case Kind::package:
        return tr("Package %1").arg(number);
    case Kind::node:
        return tr("Node %1").arg(number) + size;
    case Kind::l3:
        break;
    }
    return tr("L3 #%1").arg(number) + size +
           (frame.vcache ? QStringLiteral("  V-cache") : QString{});
}

QString Words::cell(const client::SceneCell& cell, const client::MapScene& scene,
                    const client::Snapshot& snapshot)
{
    using Use = client::SceneCell::Use;
    QStringList lines{tr("CPU %1, core %2").arg(raw(cell.cpu)).arg(cell.core)};
    if (cell.core < scene.cores.size() &&
        scene.cores[cell.core].kind != client::CoreKind::performance) {
        lines << (scene.cores[cell.core].kind == client::CoreKind::efficiency
                      ? tr("an efficiency core")
                      : tr("a low-power core"));
    }
    constexpr std::size_t seats_max = 8;
    for (std::size_t i = 0; i < std::min(cell.seats.size(), seats_max); ++i) {
        const auto& seat = cell.seats[i];
        if (seat.guest < snapshot.guests.size()) {
            lines << tr("vCPU %1 of %2")
                         .arg(seat.vcpu)
                         .arg(shown(snapshot.guests[seat.guest].name, name_max));
        }
    }
    if (cell.seats.size() > seats_max) {
        lines << tr("and %n more", nullptr, static_cast<int>(cell.seats.size() - seats_max));
    }
    switch (cell.use) {
    case Use::housekeeping:
        lines << tr("kept for the host");
        break;
    case Use::pool:
        lines << tr("in the pool, where guests float");
        break;
    case Use::isolated:
        lines << tr("isolated from the scheduler");
        break;
    case Use::offline:
        lines << tr("offline");
        break;
    case Use::unused:
        lines << tr("no vCPU is here");
        break;
    case Use::guest:
    case Use::several:
        break;
    }
    return lines.join(u'\n');
}

QString Words::details(const client::Guest& guest, const WhyRows& reasons)
{
    QStringList lines{guest_title(guest)};
    lines << tr("Policy: %1").arg(shown(client::policy_text(guest)));
    if (!guest.emulator.empty()) {
        lines << tr("Emulator on %1").arg(cpus_of(guest.emulator));
    }
    if (!guest.nodes.empty()) {
        lines << tr("Memory on node %1").arg(shown(guest.nodes, name_max));
    }
    if (const auto paused = holds(guest); !paused.isEmpty()) {
        lines << paused;
    }
    if (const auto lacks = shortfall(guest); !lacks.isEmpty() && reasons.isEmpty()) {
        lines << QStringLiteral("▲ ") + lacks;
    }
    lines << QString{};
    constexpr qsizetype reasons_max = 64; // as many as the service promises
    for (const auto& reason : reasons.mid(0, reasons_max)) {
        const auto mark = reason.level == QLatin1StringView{"short"}  ? QStringLiteral("▲ ")
                          : reason.level == QLatin1StringView{"good"} ? QStringLiteral("✓ ")
                                                                      : QStringLiteral("· ");
        constexpr qsizetype reason_max = 512;
        lines << mark + shown(reason.text, reason_max);
    }
    return lines.join(u'\n');
}

Words::Message Words::news(const News& news, const client::Guest* guest)
{
    const auto name = guest != nullptr ? shown(guest->name, name_max) : tr("A guest");
    switch (news.kind) {
    case News::Kind::not_as_asked: {
        const auto word = guest != nullptr ? client::state_of(*guest).word : "";
        const auto title = word == "floats"   ? tr("%1 floats").arg(name)
                           : word == "failed" ? tr("%1 is not pinned").arg(name)
                                              : tr("%1 is not as asked").arg(name);
        return {title, guest != nullptr ? shortfall(*guest) : QString{}};
    }
    case News::Kind::as_asked_again:
        return {tr("%1 is as asked again").arg(name),
                guest != nullptr ? guest_place(*guest) : QString{}};
    case News::Kind::hold_ended:
        return {tr("%1 is pinned again").arg(name),
                tr("Its pause ended as virtpind was restarted.")};
    case News::Kind::service_gone:
        return {tr("virtpind is not running"),
                tr("Guests stay where they are, and new ones are not pinned.")};
    case News::Kind::service_back:
        return {tr("virtpind is running again"), {}};
    case News::Kind::libvirt_gone:
        return {tr("virtpind cannot reach libvirt"), tr("Guests stay where they are.")};
    case News::Kind::libvirt_back:
        break;
    }
    return {tr("virtpind reaches libvirt again"), {}};
}

QString Words::diagnosis(const client::Diagnosis& diagnosis)
{
    const auto count = [&](const char* severity) {
        return static_cast<int>(
            std::count_if(diagnosis.findings.begin(), diagnosis.findings.end(),
                          [&](const auto& finding) { return finding.severity == severity; }));
    };
    QStringList lines;
    lines << (diagnosis.findings.empty() ? tr("Nothing is wrong with %n guest(s).", nullptr,
                                              static_cast<int>(diagnosis.guests.size()))
                                         : tr("%1, %2, %3; nothing was changed.")
                                               .arg(tr("%n error(s)", nullptr, count("error")),
                                                    tr("%n warning(s)", nullptr, count("warning")),
                                                    tr("%n note(s)", nullptr, count("note"))));
    for (const auto* severity : {"error", "warning", "note"}) {
        for (const auto& finding : diagnosis.findings) {
            if (finding.severity != severity) {
                continue;
            }
            const auto mark = finding.severity == "error"     ? QStringLiteral("✗ ")
                              : finding.severity == "warning" ? QStringLiteral("! ")
                                                              : QStringLiteral("i ");
            lines << QString{}
                  << mark + (finding.guest.empty() ? tr("Host") : shown(finding.guest, name_max)) +
                         QStringLiteral(": ") + shown(finding.evidence, 512);
            if (!finding.why.empty()) {
                lines << tr("   Why it matters: %1").arg(shown(finding.why, 512));
            }
            if (!finding.fix.empty()) {
                lines << tr("   What helps: %1").arg(shown(finding.fix, 512));
            }
            lines << QStringLiteral("   ") + shown(finding.id, name_max);
        }
    }
    lines << QString{}
          << tr("What the service cannot see, settings of the host among them, is told by: %1")
                 .arg(QStringLiteral("virtpind doctor"));
    return lines.join(u'\n');
}

QString Words::call_error(const QString& name, const QString& text)
{
    const auto is = [&name](const char* word) {
        return name == QLatin1StringView{"org.freedesktop.DBus.Error."} + QLatin1StringView{word};
    };
    if (is("NoReply") || is("Timeout") || is("TimedOut")) {
        return tr("virtpind did not answer in time; what was asked for may still happen.");
    }
    if (is("ServiceUnknown") || is("NameHasNoOwner") || is("Disconnected")) {
        return tr("virtpind is not running.");
    }
    if (is("UnknownMethod") || is("UnknownInterface")) {
        return tr("The service is older than this applet and cannot do this.");
    }
    if (is("AccessDenied") || is("InteractiveAuthorizationRequired")) {
        return tr("You may not change this: %1").arg(shown(text, 512));
    }
    return shown(text, 512);
}

} // namespace virtpind::tray
