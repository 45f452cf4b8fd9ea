// SPDX-License-Identifier: LGPL-2.1-or-later
// A window of text to read and to copy. The text is never markup.
#pragma once

#include <QPlainTextEdit>
#include <QWidget>

namespace virtpind::tray {

class TextWindow : public QWidget {
    Q_OBJECT

public:
    TextWindow();

    // In front of the others.
    void present(const QString& title, const QString& text);

private:
    QPlainTextEdit* text_;
};

} // namespace virtpind::tray
