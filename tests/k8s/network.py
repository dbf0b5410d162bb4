"""Who reaches whom, by the NetworkPolicies of an overlay."""

from __future__ import annotations

from collections.abc import Mapping

from tests.k8s.rendering import Manifest, Pods, objects, selects

DNS = {"k8s-app": "kube-dns"}


class Network:
    """The policies of one overlay.

    Args:
        overlay: Which.
        beside: Another that is applied to the same namespace.
    """

    def __init__(self, overlay: str, *, beside: str | None = None) -> None:
        self._policies = [*objects(overlay, "NetworkPolicy").values()]
        if beside is not None:
            self._policies += objects(beside, "NetworkPolicy").values()

    def lets(self, source: Mapping[str, str], target: Pods, port: int) -> bool:
        """Whether pods of these labels, in the same namespace, may open this port of those pods."""
        numbers = {each["name"]: each["containerPort"] for each in target.main["ports"]}
        incoming = self._allowed("Ingress", "from", target.labels, source, port, numbers)
        return incoming and self._allowed("Egress", "to", source, target.labels, port, numbers)

    def takes_from_anywhere(self, target: Pods, port: int) -> bool:
        """Whether pods of those may be reached from outside the cluster."""
        numbers = {each["name"]: each["containerPort"] for each in target.main["ports"]}
        rules = self._rules("Ingress", target.labels)
        return any("from" not in rule and _has_port(rule, port, numbers) for rule in rules or ())

    def leaves(self, source: Mapping[str, str]) -> list[Manifest]:
        """The blocks of addresses that pods of these labels may reach."""
        rules = self._rules("Egress", source)
        assert rules is not None, "nothing keeps them in"
        return [peer["ipBlock"] for rule in rules for peer in rule.get("to", ()) if "ipBlock" in peer]

    def _rules(self, direction: str, labels: Mapping[str, str]) -> list[Manifest] | None:
        """The rules that hold for pods; None where no policy does, and so all is allowed."""
        holding = [
            policy["spec"]
            for policy in self._policies
            if direction in policy["spec"]["policyTypes"]
            and selects(policy["spec"]["podSelector"].get("matchLabels", {}), labels)
        ]
        if not holding:
            return None
        return [rule for policy in holding for rule in policy.get(direction.lower(), ())]

    def _allowed(
        self,
        direction: str,
        word: str,
        held: Mapping[str, str],
        other: Mapping[str, str],
        port: int,
        numbers: Mapping[str, int],
    ) -> bool:
        rules = self._rules(direction, held)
        if rules is None:
            return True
        return any(_has_port(rule, port, numbers) and _has_peer(rule.get(word), other) for rule in rules)


def _has_port(rule: Manifest, port: int, numbers: Mapping[str, int]) -> bool:
    return "ports" not in rule or any(numbers.get(each["port"], each["port"]) == port for each in rule["ports"])


def _has_peer(peers: list[Manifest] | None, labels: Mapping[str, str]) -> bool:
    """Whether pods of this namespace are among them; a namespaceSelector means another."""
    if peers is None:
        return True
    return any(
        "podSelector" in peer
        and "namespaceSelector" not in peer
        and selects(peer["podSelector"].get("matchLabels", {}), labels)
        for peer in peers
    )
