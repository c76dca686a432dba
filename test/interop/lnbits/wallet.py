"""Does with one of LNbits' funding sources what LNbits does with it. Its class is the first argument, what it needs is JSON on the
standard input; each step is a line of JSON on the standard output."""

import asyncio
import json
import os
import sys

given = json.loads(sys.stdin.readline())
os.environ.update(given["settings"])
os.environ["LNBITS_DATA_FOLDER"] = given["folder"]

from loguru import logger  # noqa: E402

logger.remove()
logger.add(sys.stderr, level="WARNING")

from lnbits import wallets  # noqa: E402


def say(step, value):
    print(json.dumps([step, value]), flush=True)


def fields(answer):
    # Subclasses put their values over those of the tuple.
    found = {name: getattr(answer, name) for name in answer._fields}
    return {name: value for name, value in found.items() if value is not None}


async def main():
    wallet = getattr(wallets, sys.argv[1])()
    say("balance", fields(await wallet.status()))
    made = await wallet.create_invoice(given["amount"], "a cup")
    say("invoice", fields(made))
    say("unpaid", fields(await wallet.get_invoice_status(made.checking_id)))
    hashed = await wallet.create_invoice(1, unhashed_description=b"what it is for")
    say("hashed", fields(hashed))
    say("unknown", fields(await wallet.get_payment_status("00" * 32)))
    async for payment_hash in wallet.paid_invoices_stream():
        say("stream", payment_hash)
        if payment_hash == made.checking_id:
            break
    say("paid", fields(await wallet.get_invoice_status(made.checking_id)))
    sent = await wallet.pay_invoice(given["bolt11"], 5000)
    say("pay", fields(sent))
    say("sent", fields(await wallet.get_payment_status(sent.checking_id)))
    say("again", fields(await wallet.pay_invoice(given["expired"], 5000)))
    await wallet.cleanup()


asyncio.run(main())
os._exit(0)
