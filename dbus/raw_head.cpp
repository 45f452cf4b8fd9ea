// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/raw_head.hpp"

#include <algorithm>
#include <optional>

namespace virtpind::bus {

namespace {

// As the D-Bus specification numbers them.
constexpr char little_endian = 'l';
constexpr std::size_t type_at = 1;
constexpr std::size_t flags_at = 2;
constexpr std::size_t body_at = 4;
constexpr std::size_t serial_at = 8;
constexpr std::size_t fields_at = 12;
constexpr char method_call = 1;
constexpr char signal = 4;
constexpr char no_reply_expected = 1;
constexpr char interface_field = 2;
constexpr char member_field = 3;
constexpr char sender_field = 7;

std::uint64_t aligned(std::uint64_t size, std::uint64_t to)
{
    return (size + to - 1) / to * to;
}

// Precondition: four bytes are there.
std::uint32_t number_at(std::string_view bytes, std::size_t at, bool little)
{
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        const auto byte = static_cast<unsigned char>(bytes[at + i]);
        number |= std::uint32_t{byte} << 8 * (little ? i : 3 - i);
    }
    return number;
}

struct Field {
    char code = 0;
    std::string_view text; // empty: a number
};

// The header fields, one after the other, as far as they are there.
class Fields {
public:
    explicit Fields(std::string_view begin) : little_{begin[0] == little_endian}
    {
        const auto end =
            MessageSize::head_bytes + std::uint64_t{number_at(begin, fields_at, little_)};
        bytes_ = begin.substr(0, std::min<std::uint64_t>(end, begin.size()));
    }

    // Only of the types that the fields of the specification have.
    std::optional<Field> next()
    {
        at_ = aligned(at_, 8);
        if (!there(4) || bytes_[at_ + 1] != 1 || bytes_[at_ + 3] != 0) {
            return std::nullopt;
        }
        Field field{.code = bytes_[at_], .text = {}};
        const auto type = bytes_[at_ + 2];
        at_ += 4;
        if (type == 'u') {
            at_ += 4;
            return field;
        }
        const auto size = type == 'g' ? length(1) : type == 's' || type == 'o' ? length(4) : none;
        if (size > bytes_.size() || !there(size + 1)) {
            return std::nullopt;
        }
        field.text = bytes_.substr(at_, size);
        at_ += size + 1;
        return field;
    }

private:
    static constexpr std::uint64_t none = UINT64_MAX;

    [[nodiscard]] bool there(std::uint64_t bytes) const { return at_ + bytes <= bytes_.size(); }

    std::uint64_t length(unsigned of)
    {
        if (!there(of)) {
            return none;
        }
        const auto from = at_;
        at_ += of;
        return of == 1 ? static_cast<unsigned char>(bytes_[from])
                       : number_at(bytes_, from, little_);
    }

    bool little_;
    std::string_view bytes_;
    std::uint64_t at_ = MessageSize::head_bytes;
};

} // namespace

MessageSize MessageSize::read(std::string_view begin)
{
    const auto little = begin[0] == little_endian;
    MessageSize size;
    size.body = number_at(begin, body_at, little);
    size.fields = number_at(begin, fields_at, little);
    size.all = aligned(head_bytes + std::uint64_t{size.fields}, 8) + size.body;
    return size;
}

RawHead RawHead::read(std::string_view begin)
{
    RawHead head;
    head.is_call = begin[type_at] == method_call;
    head.is_signal = begin[type_at] == signal;
    head.expects_answer = head.is_call && (begin[flags_at] & no_reply_expected) == 0;
    head.serial = number_at(begin, serial_at, begin[0] == little_endian);
    Fields fields{begin};
    while (const auto field = fields.next()) {
        switch (field->code) {
        case interface_field:
            head.interface = field->text;
            break;
        case member_field:
            head.member = field->text;
            break;
        case sender_field:
            head.sender = field->text;
            break;
        default:
            break;
        }
    }
    return head;
}

std::uint32_t RawHead::body_max_of() const
{
    const auto with_xml = is_call && interface == "org.virtpind1.Manager" && member == "PlanXML";
    return with_xml ? body_with_xml_max : body_max;
}

} // namespace virtpind::bus
