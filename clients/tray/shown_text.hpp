// SPDX-License-Identifier: LGPL-2.1-or-later
// Texts of others, such as guests' names, made fit for a desktop: nothing in them is markup, a
// mnemonic, or changes how what stands beside them is read. Pure.
#pragma once

#include <QString>
#include <string>

namespace virtpind::tray {

inline constexpr qsizetype name_max = 48;      // characters of a name in a menu
inline constexpr qsizetype sentence_max = 160; // characters of a sentence in a menu

// One line of at most that many characters, with an ellipsis where something is cut. Control and
// format characters (line ends, bidirectional overrides, invisible ones) become U+FFFD, and more
// than three combining marks in a row are dropped. A text with letters that run from right to left
// is isolated, so that it does not turn its neighbours around.
[[nodiscard]] QString shown(const QString& text, qsizetype characters_max = sentence_max);
[[nodiscard]] QString shown(const std::string& utf8, qsizetype characters_max = sentence_max);

// The same for a text of many lines, which keeps its line ends.
[[nodiscard]] QString shown_lines(const std::string& utf8);

// For an action of the tray's menu: ampersands and underscores are themselves, and underline no
// letter.
[[nodiscard]] QString menu_text(QString text);

// For a place where Qt or a notification server would take it for markup.
[[nodiscard]] QString escaped(const QString& text);

} // namespace virtpind::tray
