"""The development inbox: takes every letter by SMTP, keeps it on disk, and shows it on a web page and over JSON.

Also plays a bad mail server when told to (`POST /control/faults`).  It stands outside the product and answers only on
this machine unless `MAILBOX_HOST` says otherwise.
"""
