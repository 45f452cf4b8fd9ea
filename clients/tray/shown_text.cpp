// SPDX-License-Identifier: LGPL-2.1-or-later
#include "shown_text.hpp"

#include <QChar>
#include <QStringList>
#include <algorithm>

namespace virtpind::tray {

namespace {

constexpr char32_t replacement = 0xFFFD;
constexpr char32_t ellipsis = 0x2026;
constexpr char32_t first_strong_isolate = 0x2068;
constexpr char32_t pop_isolate = 0x2069;
constexpr int marks_max = 3;

bool is_invisible(char32_t c)
{
    switch (QChar::category(c)) {
    case QChar::Other_Control:
    case QChar::Other_Format:
    case QChar::Other_Surrogate:
    case QChar::Other_PrivateUse:
    case QChar::Other_NotAssigned:
    case QChar::Separator_Line:
    case QChar::Separator_Paragraph:
        return true;
    default:
        // Fillers that are letters by their category and show nothing.
        return c == 0x115F || c == 0x1160 || c == 0x3164 || c == 0xFFA0;
    }
}

bool is_mark(char32_t c)
{
    const auto category = QChar::category(c);
    return category == QChar::Mark_NonSpacing || category == QChar::Mark_Enclosing;
}

bool runs_to_the_left(char32_t c)
{
    const auto direction = QChar::direction(c);
    return direction == QChar::DirR || direction == QChar::DirAL || direction == QChar::DirAN;
}

} // namespace

QString shown(const QString& text, qsizetype characters_max)
{
    // What is cut off anyway is not looked at.
    const auto all = text.left(8 * characters_max).toUcs4();
    QList<uint> kept;
    auto marks = 0;
    auto turns = false;
    for (const auto c : all) {
        marks = is_mark(c) ? marks + 1 : 0;
        if (marks > marks_max) {
            continue;
        }
        if (kept.size() == characters_max) {
            kept.back() = ellipsis;
            break;
        }
        kept.push_back(is_invisible(c) ? replacement : c);
        turns = turns || runs_to_the_left(c);
    }
    if (turns) {
        kept.push_front(first_strong_isolate);
        kept.push_back(pop_isolate);
    }
    QString result;
    for (const auto c : kept) {
        result += QChar::fromUcs4(c);
    }
    return result;
}

QString shown(const std::string& utf8, qsizetype characters_max)
{
    return shown(QString::fromStdString(utf8), characters_max);
}

QString shown_lines(const std::string& utf8)
{
    constexpr qsizetype line_max = 4096;
    QStringList lines;
    for (const auto& line : QString::fromStdString(utf8).split(u'\n')) {
        lines << shown(line, line_max);
    }
    return lines.join(u'\n');
}

QString menu_text(QString text)
{
    // Qt 6.4 and 6.8 make the first ampersand of a text an underscore on the bus, which is a
    // panel's sign for a mnemonic, and know no way to have the character itself; nor do they double
    // underscores, as a panel wants it.
    constexpr char16_t fullwidth_ampersand = 0xFF06;
    return text.replace(u'&', QChar{fullwidth_ampersand}).replace(u'_', QStringLiteral("__"));
}

QString escaped(const QString& text)
{
    return text.toHtmlEscaped();
}

} // namespace virtpind::tray
