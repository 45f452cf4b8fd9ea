// SPDX-License-Identifier: LGPL-2.1-or-later
#include "variants.hpp"

#include "clients/view/service_properties.hpp"
#include "common/base/printable.hpp"
#include "common/base/uuid.hpp"

#include <QDBusMetaType>
#include <QMetaType>
#include <QStringList>
#include <algorithm>
#include <set>
#include <tuple>

namespace virtpind::tray {

namespace {

constexpr std::size_t text_max = 4096;
constexpr int rows_max = 16384; // of one property: as many as there may be CPUs

std::string text_of(const QString& text)
{
    // Longer ones are cut before they are copied.
    return printable(text.left(static_cast<qsizetype>(text_max)).toStdString(), text_max);
}

bool is_a(const QVariant& value, QMetaType type)
{
    return value.metaType() == type;
}

// A structure or list on the wire, if it has this signature.
const QDBusArgument* argument_of(const QVariant& value, QLatin1StringView signature)
{
    if (!is_a(value, QMetaType::fromType<QDBusArgument>())) {
        return nullptr;
    }
    const auto* argument = static_cast<const QDBusArgument*>(value.constData());
    return argument->currentSignature() == signature ? argument : nullptr;
}

CpuSet cpus_of(const QString& text)
{
    auto cpus = CpuSet::parse(text.left(static_cast<qsizetype>(text_max) * 4).toStdString());
    return cpus ? *cpus : CpuSet{};
}

std::string option_text(const QVariant& value)
{
    if (is_a(value, QMetaType::fromType<QStringList>())) {
        return text_of(value.toStringList().join(u','));
    }
    static const QMetaType plain[]{
        QMetaType::fromType<QString>(),   QMetaType::fromType<bool>(),
        QMetaType::fromType<int>(),       QMetaType::fromType<uint>(),
        QMetaType::fromType<qlonglong>(), QMetaType::fromType<qulonglong>()};
    const auto is_plain =
        std::any_of(std::begin(plain), std::end(plain),
                    [&value](const QMetaType& type) { return is_a(value, type); });
    return is_plain ? text_of(value.toString()) : "";
}

std::map<std::string, std::string> texts_of(const QVariantMap& options)
{
    std::map<std::string, std::string> texts;
    for (const auto& [name, option] : options.asKeyValueRange()) {
        texts[text_of(name)] = option_text(option);
    }
    return texts;
}

// PolicyOptions: a map within a variant comes as what it is on the wire.
std::map<std::string, std::string> options_of(const QVariant& value)
{
    QVariantMap options;
    if (is_a(value, QMetaType::fromType<QVariantMap>())) {
        options = value.toMap();
    } else if (const auto* argument = argument_of(value, QLatin1StringView{"a{sv}"})) {
        *argument >> options;
    }
    return texts_of(options);
}

class Reader {
public:
    explicit Reader(const QVariantMap& properties) : properties_{properties} {}

    void read(const char* name, std::string& out) const
    {
        if (const auto value = find(name); is_a(value, QMetaType::fromType<QString>())) {
            out = text_of(value.toString());
        }
    }

    void read(const char* name, std::vector<std::string>& out) const
    {
        const auto value = find(name);
        if (is_a(value, QMetaType::fromType<QStringList>())) {
            for (const auto& text : value.toStringList().mid(0, rows_max)) {
                out.push_back(text_of(text));
            }
        }
    }

    void read(const char* name, std::uint64_t& out) const
    {
        if (const auto value = find(name); is_a(value, QMetaType::fromType<qulonglong>())) {
            out = value.toULongLong();
        }
    }

    void read(const char* name, std::uint32_t& out) const
    {
        if (const auto value = find(name); is_a(value, QMetaType::fromType<uint>())) {
            out = value.toUInt();
        }
    }

    void read(const char* name, std::optional<bool>& out) const
    {
        if (const auto value = find(name); is_a(value, QMetaType::fromType<bool>())) {
            out = value.toBool();
        }
    }

    void read(const char* name, CpuSet& out) const
    {
        if (const auto value = find(name); is_a(value, QMetaType::fromType<QString>())) {
            out = cpus_of(value.toString());
        }
    }

    void read(const char* name, client::Remark& out) const
    {
        const auto value = find(name);
        if (const auto* argument = argument_of(value, QLatin1StringView{"(ss)"})) {
            QString code;
            QString text;
            argument->beginStructure();
            *argument >> code >> text;
            argument->endStructure();
            out = {text_of(code), text_of(text)};
        }
    }

    void read(const char* name, std::map<std::uint32_t, CpuSet>& out) const
    {
        rows(name, QLatin1StringView{"a(us)"}, [&out](const QDBusArgument& argument) {
            uint number = 0;
            QString cpus;
            argument >> number >> cpus;
            out[number] = cpus_of(cpus);
        });
    }

    void read(const char* name, std::map<std::string, std::string>& out) const
    {
        out = options_of(find(name));
    }

    void read(const char* name, std::optional<std::vector<client::OwnPolicy>>& out) const
    {
        std::vector<client::OwnPolicy> own;
        const auto is_there =
            rows(name, QLatin1StringView{"a(ssa{sv})"}, [&own](const QDBusArgument& argument) {
                QString source;
                QString policy;
                QVariantMap options;
                argument >> source >> policy >> options;
                own.push_back({text_of(source), text_of(policy), texts_of(options)});
            });
        if (is_there) {
            out = std::move(own);
        }
    }

    void read(const char* name, std::vector<client::Hold>& out) const
    {
        rows(name, QLatin1StringView{"a(ss)"}, [&out](const QDBusArgument& argument) {
            QString owner;
            QString reason;
            argument >> owner >> reason;
            out.push_back({text_of(reason), text_of(owner)});
        });
    }

    void read(const char* name, std::vector<client::Problem>& out) const
    {
        rows(name, QLatin1StringView{"a(sso)"}, [&out](const QDBusArgument& argument) {
            QString code;
            QString text;
            QDBusObjectPath path;
            argument >> code >> text >> path;
            out.push_back(
                {{text_of(code), text_of(text)}, client::uuid_of_path(path.path().toStdString())});
        });
        // The first version has no objects in the rows.
        rows(name, QLatin1StringView{"a(ss)"}, [&out](const QDBusArgument& argument) {
            QString code;
            QString text;
            argument >> code >> text;
            out.push_back({{text_of(code), text_of(text)}, ""});
        });
    }

private:
    [[nodiscard]] QVariant find(const char* name) const
    {
        return properties_.value(QLatin1StringView{name});
    }

    // row(argument) for each row of a list of structures. Whether the list is there.
    template <class Row>
    bool rows(const char* name, QLatin1StringView signature, Row row) const
    {
        const auto value = find(name);
        const auto* argument = argument_of(value, signature);
        if (argument == nullptr) {
            return false;
        }
        argument->beginArray();
        for (auto left = rows_max; left > 0 && !argument->atEnd(); --left) {
            argument->beginStructure();
            row(*argument);
            argument->endStructure();
        }
        argument->endArray();
        return true;
    }

    const QVariantMap& properties_;
};

} // namespace

void register_bus_types()
{
    qDBusRegisterMetaType<InterfaceMap>();
    qDBusRegisterMetaType<ObjectMap>();
    qDBusRegisterMetaType<WhyRow>();
    qDBusRegisterMetaType<WhyRows>();
}

client::Service read_service(const QVariantMap& properties)
{
    return client::service_of(Reader{properties});
}

client::Guest read_guest(const QVariantMap& properties)
{
    auto guest = client::guest_of(Reader{properties});
    const auto uuid = parse_uuid(guest.uuid);
    guest.uuid = uuid ? uuid->str() : "";
    return guest;
}

std::vector<client::Guest> read_guests(const ObjectMap& objects)
{
    std::vector<client::Guest> guests;
    for (const auto& interfaces : objects) {
        const auto domain = interfaces.constFind(QStringLiteral("org.virtpind1.Domain"));
        if (domain == interfaces.constEnd() || std::ssize(guests) == guests_max) {
            continue;
        }
        auto guest = read_guest(*domain);
        if (!guest.uuid.empty()) {
            guests.push_back(std::move(guest));
        }
    }
    const auto key = [](const client::Guest& guest) { return std::tie(guest.name, guest.uuid); };
    std::sort(guests.begin(), guests.end(),
              [key](const auto& a, const auto& b) { return key(a) < key(b); });
    std::set<std::string> seen; // two objects of one UUID are one guest
    std::erase_if(guests, [&seen](const auto& guest) { return !seen.insert(guest.uuid).second; });
    return guests;
}

QDBusArgument& operator<<(QDBusArgument& argument, const WhyRow& row)
{
    argument.beginStructure();
    argument << row.level << row.code << row.text;
    argument.endStructure();
    return argument;
}

const QDBusArgument& operator>>(const QDBusArgument& argument, WhyRow& row)
{
    argument.beginStructure();
    argument >> row.level >> row.code >> row.text;
    argument.endStructure();
    return argument;
}

} // namespace virtpind::tray
