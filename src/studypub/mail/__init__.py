"""Mail leaves by SMTP; nothing else knows aiosmtplib."""
