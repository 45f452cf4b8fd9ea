// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text_window.hpp"

#include <QShortcut>
#include <QVBoxLayout>

namespace virtpind::tray {

TextWindow::TextWindow() : text_{new QPlainTextEdit}
{
    text_->setReadOnly(true);
    text_->setTabChangesFocus(true);
    auto* layout = new QVBoxLayout{this};
    layout->addWidget(text_);
    resize(680, 420);
    connect(new QShortcut{QKeySequence{Qt::Key_Escape}, this}, &QShortcut::activated, this,
            &QWidget::hide);
}

void TextWindow::present(const QString& title, const QString& text)
{
    setWindowTitle(title);
    text_->setPlainText(text);
    show();
    raise();
    activateWindow();
}

} // namespace virtpind::tray
