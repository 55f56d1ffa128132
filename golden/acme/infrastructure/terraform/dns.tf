# The name of the installation, where its zone is in Route 53. A record that stands there already is not overwritten.

data "aws_route53_zone" "domain" {
  count = var.dns_zone_id == "" ? 0 : 1

  zone_id = var.dns_zone_id
}

resource "aws_route53_record" "server" {
  count = var.dns_zone_id == "" ? 0 : 1

  zone_id = var.dns_zone_id
  name    = var.domain
  type    = "A"
  ttl     = var.dns_ttl_seconds
  records = [aws_eip.server.public_ip]

  lifecycle {
    # Otherwise the zone's own name is appended to that of the installation, and all looks as if it were set.
    precondition {
      condition     = endswith(".${var.domain}", ".${trimsuffix(data.aws_route53_zone.domain[0].name, ".")}")
      error_message = "Zone ${var.dns_zone_id} is ${data.aws_route53_zone.domain[0].name}, and ${var.domain} is no name in it. Name the domain's own zone as dnsZone in the target, or none, and compile anew."
    }

    precondition {
      condition     = data.aws_route53_zone.domain[0].private_zone != true
      error_message = "Zone ${var.dns_zone_id} is private: nobody outside of its networks finds a name in it. Name a public zone as dnsZone in the target, or none, and compile anew."
    }
  }
}
