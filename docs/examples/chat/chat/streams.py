"""Server-sent events: what a screen on the wall shows of a room."""

import json

from channels.layers import get_channel_layer

SHOWN = {"message", "announcement", "hidden"}


async def room_events(room, after):
    """Yield the messages after an id, and then what is sent to the room."""
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(room.group, channel)
    try:
        # Read after joining the group, as in ChatConsumer.welcome().
        latest = [message async for message in room.latest_messages(after)]
        for message in reversed(latest):
            yield as_event(message.as_frame())
        while True:
            message = await layer.receive(channel)
            frame = message.get("frame", {})
            if frame.get("type") in SHOWN:
                yield as_event(frame)
    finally:
        await layer.group_discard(room.group, channel)


def as_event(frame):
    lines = [f"event: {frame['type']}", f"data: {json.dumps(frame)}"]
    if "text" in frame:
        # A browser that has lost the stream sends this id.
        lines.append(f"id: {frame['id']}")
    return "\n".join([*lines, "", ""])
