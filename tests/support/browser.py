"""A headless Chromium, driven over its debugging pipe: for tests of pages.

Messages are JSON, each ended by a NUL, on descriptors 3 (to the browser) and 4 (from it).
"""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def find_browser():
    """Its path, or None."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Browser:
    """One page. `complaints` are what it logged as an error: exceptions, refused resources, ..."""

    def __init__(self, directory, deadline_s=60):
        self.deadline_s = deadline_s
        self.complaints = []
        self.number = 0
        self.session = None
        self.rest = b""
        # Above 4, so that the copies onto 3 and 4 hit neither end.
        to_browser, self.write = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in os.pipe())
        self.read, from_browser = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in os.pipe())

        def pipes():
            os.dup2(to_browser, 3)
            os.dup2(from_browser, 4)

        self.process = subprocess.Popen(
            [
                find_browser(),
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
                "--disable-component-update",
                "--hide-scrollbars",
                f"--user-data-dir={directory}",
                "--remote-debugging-pipe",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=pipes,
            close_fds=False,
        )
        os.close(to_browser)
        os.close(from_browser)
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (OSError, TimeoutError):
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.write)
        os.close(self.read)

    def receive(self, until):
        while b"\0" not in self.rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.read], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            got = os.read(self.read, 1 << 16)
            if not got:
                raise OSError("the browser has ended")
            self.rest += got
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, parameters=None):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters or {}}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + self.deadline_s
        while True:
            said = self.receive(until)
            if said.get("id") == self.number:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']}")
                return said["result"]
            self.note(said)

    def note(self, said):
        if said.get("method") == "Runtime.exceptionThrown":
            details = said["params"]["exceptionDetails"]
            self.complaints.append(str(details.get("exception", details).get("description", details)))
        if said.get("method") == "Log.entryAdded" and said["params"]["entry"]["level"] == "error":
            self.complaints.append(said["params"]["entry"]["text"])

    def show(self, url, width=1280, height=900, dark=False):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        self.call("Emulation.setEmulatedMedia", {"features": [scheme, still]})
        if url:
            self.call("Page.navigate", {"url": url})
        else:  # it is laid out anew with the next frame
            self.js("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")

    def js(self, expression):
        """The value of an expression; a promise is waited for."""
        said = self.call(
            "Runtime.evaluate",
            {"expression": expression, "returnByValue": True, "awaitPromise": True},
        )
        if "exceptionDetails" in said:
            raise RuntimeError(f"{expression}: {said['exceptionDetails']}")
        return said["result"].get("value")

    def until(self, expression, what):
        """Until it is true; what it throws counts as not yet, since the page may be loading."""
        end = time.monotonic() + self.deadline_s
        look = f"(() => {{ try {{ return !!({expression}); }} catch {{ return false; }} }})()"
        while not self.js(look):
            if time.monotonic() > end:
                raise TimeoutError(f"not within {self.deadline_s} s: {what}")
            time.sleep(0.05)

    def press(self, key):
        code = {"Tab": 9, "Enter": 13}[key]
        for kind in ("rawKeyDown", "keyUp"):
            event = {"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}
            self.call("Input.dispatchKeyEvent", event)
            if kind == "rawKeyDown" and key == "Enter":
                self.call("Input.dispatchKeyEvent", {**event, "type": "char", "text": "\r"})

    def picture(self, path):
        """The whole page as PNG."""
        said = self.call("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
        with open(path, "wb") as file:
            file.write(base64.b64decode(said["data"]))
